import Foundation
import Testing

@testable import Rotation

@Suite("Targets") struct TargetTests {
  static let ed25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHbnEFO+gqJKYpeAugrdHywFv5MyC7Ayhx1kX6CATMf4"
  static let ecdsa =
    "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBH+1NJ3LtSq0mCoLDuyABu0mH/ML0IEFFVOxP7YLG6ZeeRk6LxeR6cX0W2uA3NIAwOu1SsNnhApAkhkweZoVGS0="

  static func ssh(_ change: (inout SSHTarget) -> Void = { _ in }) -> SSHTarget {
    var target = SSHTarget(
      host: "gw1.example", user: "reroot", identityFile: "/etc/reroot/id_ed25519", hostKey: ed25519)
    change(&target)
    return target
  }

  private func decode(_ json: String) throws -> Target { try JSONDecoder().decode(Target.self, from: Data(json.utf8)) }

  @Test("A component stored when there was only this machine still reads, and is written as it was")
  func former() throws {
    #expect(try decode("\"local\"") == .local)
    #expect(String(decoding: try JSONEncoder().encode(Target.local), as: UTF8.self) == "\"local\"")
    #expect(throws: DecodingError.self) { try decode("\"moon\"") }
    #expect(throws: DecodingError.self) { try decode("{\"moon\":{}}") }
  }

  @Test("A target by SSH is read back the same")
  func roundTrip() throws {
    let target = Target.ssh(
      Self.ssh {
        $0.port = 2222; $0.sudo = true
      })
    #expect(try JSONDecoder().decode(Target.self, from: try JSONEncoder().encode(target)) == target)
  }

  @Test("A usable target has no problems", arguments: [ed25519, ecdsa, ed25519 + " root@gw1"])
  func usable(_ key: String) {
    #expect(Target.ssh(Self.ssh { $0.hostKey = key }).problems() == [])
    #expect(Target.local.problems() == [])
  }

  /// A value, its field, and a part of the sentence.
  static let rows: [(value: String, field: String, sentence: String)] = [
    ("", "host", "Give a host name"), ("-oProxyCommand=x", "host", "not a host name"),
    ("a b", "host", "not a host name"),
    ("gw1\n", "host", "not a host name"), ("a;b", "host", "not a host name"), ("user@gw1", "host", "not a host name"),
    ("", "user", "account"), ("-l", "user", "account"), ("a b", "user", "account"), ("a@b", "user", "account"),
    ("$(id)", "user", "account"), ("a\u{0}", "user", "account"), ("", "identity_file", "Give the file"),
    ("id", "identity_file", "absolute path"), ("-i", "identity_file", "absolute path"),
    ("~/.ssh/id", "identity_file", "absolute path"), ("/keys/%h", "identity_file", "meaning of their own"),
    ("/keys/${X}", "identity_file", "meaning of their own"), ("/a\nb", "identity_file", "control character"),
    ("", "host_key", "Give the server's public key"), ("AAAA", "host_key", "Begin with the kind"),
    ("ssh-ed25519", "host_key", "base64"), ("ssh-ed25519 ???", "host_key", "base64"),
    ("ssh-ed25519 AAAA", "host_key", "cut off"), ("gw1 " + ed25519, "host_key", "Leave out the host's name"),
    (ed25519 + "\n* ssh-rsa AAAA", "host_key", "one line"), ("ssh-dss AAAA", "host_key", "Begin with the kind"),
    (ed25519.replacing("ssh-ed25519", with: "ssh-rsa"), "host_key", "no key of the kind"),
  ]

  @Test("What could be taken for an option, or for something else, is refused at its field", arguments: rows)
  func problems(_ row: (value: String, field: String, sentence: String)) {
    let target = Self.ssh { target in
      switch row.field {
      case "host": target.host = row.value
      case "user": target.user = row.value
      case "identity_file": target.identityFile = row.value
      default: target.hostKey = row.value
      }
    }
    let found = Target.ssh(target).problems()
    #expect(found.map(\.field) == ["target.ssh." + row.field])
    #expect(found.first?.sentence.contains(row.sentence) == true, "\(found)")
  }

  @Test("The same path on two machines is two files, on one machine it is one")
  func sharing() {
    func component(_ name: String, _ target: Target) -> Component {
      Component(
        id: Component.ID(rawValue: 0), name: name, names: [.dns("x")], target: target,
        files: FileLayout(certificateChain: "/etc/c", key: "/etc/k"))
    }
    let first = Target.ssh(Self.ssh())
    let other = Target.ssh(Self.ssh { $0.host = "gw2.example" })
    #expect(Component.problems(among: [component("a", first), component("b", other), component("c", .local)]).isEmpty)
    let again = Target.ssh(
      Self.ssh {
        $0.host = "GW1.example"; $0.user = "root"
      })
    #expect(Component.problems(among: [component("a", first), component("b", again)]).count == 2)
  }

  @Test("The plan says where the files are")
  func plan() {
    let component = Component(
      id: Component.ID(rawValue: 1), name: "a", names: [.dns("a.example")], target: .ssh(Self.ssh()),
      files: FileLayout(certificateChain: "/etc/c", key: "/etc/k", trustBundle: "/etc/r"))
    let root = PlannedRoot(
      id: 1, name: "R", subject: "CN=R", key: RootKey("00"), notBefore: Date(timeIntervalSince1970: 0),
      notAfter: Date(timeIntervalSince1970: 2_000_000_000))
    let plan = PlanMaker.make(
      PlanRequest(
        root: root, months: 3, policy: .stop, https: .existing, components: [(component, Findings())],
        now: Date(timeIntervalSince1970: 1_900_000_000)))
    let sentences = plan.components[0].actions.map(\.sentence)
    #expect(sentences.contains("Replace /etc/c and /etc/k on gw1.example by SSH as reroot, as one"))
    #expect(sentences.contains { $0.hasPrefix("Put the old and the new roots into /etc/r on gw1.example by SSH as") })
  }
}
