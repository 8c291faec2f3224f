import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

/// The scripts, run by the shells of Debian and Alpine in the place of a connection.
@Suite("A key that stays on another machine", .timeLimit(.minutes(3))) struct FarKeyTests {
  private static let roles = Set(FileLayout.Role.allCases)
  private let tools: TestFolder
  init() throws { tools = try TestFolder() }

  @Test("is made in every kind, for exactly the names that were asked for", arguments: KeyAlgorithm.allCases)
  func kinds(_ algorithm: KeyAlgorithm) async throws {
    let sample = try TestComponent.keepingItsKey()
    let access = try FarShell.dash.accessWithKeys(in: tools)
    let names: [AlternativeName] = [
      .dns("a.example"), .dns("*.a.example"), .ip("192.0.2.1"), .ip("2001:db8::1"), .dns("b-1.example"),
    ]
    let certificate = try await sample.issueForKeptKey(algorithm, names: names, over: access)
    #expect(certificate.keyDescription == algorithm.label)
    #expect(certificate.subjectAlternativeNames == names.map(\.description))
    // What the other machine's program made, Reroot's own reads as well.
    #expect(try await sample.delivery.hasKey(of: certificate))
    let here = try await TargetAccess.local().lookAtKey(sample.folder.path(".key.pem.reroot-next"))
    #expect(try await access.lookAtKey(sample.folder.path(".key.pem.reroot-next")) == here)
  }

  @Test("waits beside the key file, goes into place with its certificate, and away again", arguments: FarShell.allCases)
  func deployment(_ shell: FarShell) async throws {
    var sample = try TestComponent.keepingItsKey()
    let access = try shell.accessWithKeys(in: tools)
    let far = "it's $(a) `b` \"folder\""
    try sample.folder.folder(far)
    for name in ["chain.pem", "key.pem", "roots.pem"] {
      rename(sample.folder.path(name), sample.folder.path("\(far)/\(name)"))
    }
    sample.component.files = FileLayout(
      certificateChain: sample.folder.path(far + "/chain.pem"), key: sample.folder.path(far + "/key.pem"),
      trustBundle: sample.folder.path(far + "/roots.pem"))
    if isRoot { try sample.folder.giveAway(far + "/key.pem", to: 1, group: 65_534) }
    let before = try sample.folder.picture()
    let (findings, snapshot) = await inspect(sample, access)
    #expect(findings.problems == [])
    #expect(snapshot.first { $0.file.role == .key }?.content == nil)
    let certificate = try await sample.issueForKeptKey(over: access)
    var waiting = try sample.folder.picture()
    let found = waiting.removeValue(forKey: far + "/.key.pem.reroot-next")
    let next = try #require(found)
    #expect(waiting == before && next.mode == 0o100600 && next.owner == geteuid())
    try await sample.deployKeptKey(certificate, findings, over: access)
    let after = try sample.folder.picture()
    #expect(after[far + "/key.pem"]?.content == next.content)
    #expect(after[far + "/chain.pem"]?.content == certificate.pem)
    #expect(after[far + "/.key.pem.reroot-previous"]?.content == before[far + "/key.pem"]?.content)
    #expect(after[far + "/.key.pem.reroot-previous"]?.mode == 0o100600 && after.count == 5)
    #expect(
      try await sample.delivery(over: access).verify(
        expected: certificate, root: sample.authority.certificate, previous: nil) == [])
    // Once more does no harm.
    try await sample.deployKeptKey(certificate, findings, over: access)
    #expect(try sample.folder.picture() == after)
    try await sample.delivery(over: access).restore(snapshot, roles: Self.roles)
    #expect(try sample.folder.picture() == before)
  }

  @Test("is as it was after a kill at any second step of its making and deploying, and the update can go on or back")
  func crashes() async throws {
    let healthy = try FarShell.busybox.accessWithKeys(in: tools)
    // Of the tools that feed each other only one counts, so that no call is lost.
    let path = try FarShell.deadlyTools(in: tools, ["mv", "ln", "rm", "sync", "chmod", "stat", "openssl"])
    let deadly = try FarShell.busybox.access(in: tools, path: path)
    var killed = 0
    for step in stride(from: 1, to: 1_000, by: 2) {
      let sample = try TestComponent.keepingItsKey()
      let (findings, snapshot) = await inspect(sample, healthy)
      let former = try sample.folder.picture()
      try tools.write("\(step)", to: "count")
      var certificate: Certificate?
      let stopped = await failure {
        certificate = try await sample.issueForKeptKey(over: deadly)
        try await sample.deployKeptKey(try #require(certificate), findings, over: deadly)
      }
      // The last calls only clean up: what was asked for is done by then.
      let isOver = try Int(tools.text("count").trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0 > 0
      if stopped != nil { killed += 1 }
      // A certificate whose key was made is never lost with it, and beside no other key.
      let delivery = sample.delivery(over: healthy)
      if let certificate { #expect(try await delivery.hasKey(of: certificate), "step \(step)") }
      _ = try await healthy.recover(sample.component.files.paths.map(\.path))
      #expect(await inspect(sample, healthy).findings.problems == [], "step \(step)")
      let now = try sample.folder.picture()
      #expect(
        Set(now.keys).isSubset(
          of: Set(former.keys).union([".key.pem.reroot-next", ".key.pem.reroot-previous", ".reroot-ssh.lock"])),
        "step \(step)")
      if certificate == nil { #expect(now["key.pem"] == former["key.pem"]) }
      let whole: Certificate
      if let certificate { whole = certificate } else { whole = try await sample.issueForKeptKey(over: healthy) }
      try await sample.deployKeptKey(whole, findings, over: healthy)
      #expect(await inspect(sample, healthy).findings.problems == [])
      try await delivery.restore(snapshot, roles: Self.roles)
      #expect(try sample.folder.picture() == former, "step \(step)")
      if isOver { break }
    }
    #expect(killed > 20)
  }

  @Test("is copied only while it is what was looked at; nothing is changed otherwise", arguments: FarShell.allCases)
  func sources(_ shell: FarShell) async throws {
    let folder = try TestFolder()
    let access = try shell.accessWithKeys(in: tools)
    try folder.write("old", to: "a")
    try folder.write("secret", to: "b", mode: 0o600)
    let before = try folder.picture()
    let digest = SecretBytes(utf8: "secret").sha256Hex
    let other = FileChange(path: folder.path("c"), content: SecretBytes(utf8: "x"), mode: 0o644)
    for (name, sha256) in [("b", SecretBytes(utf8: "other").sha256Hex), ("none", digest), ("none/none", digest)] {
      let copy = FileChange(
        path: folder.path("a"), source: FileSource(path: folder.path(name), sha256: sha256), mode: 0o640)
      #expect(await code { try await access.replace([other, copy]) } == "SOURCE_CHANGED")
      #expect(try folder.picture() == before)
    }
    let copy = FileChange(
      path: folder.path("a"), source: FileSource(path: folder.path("b"), sha256: digest), mode: 0o640)
    try await access.replace([copy, FileChange(path: folder.path("b"), content: nil, mode: 0)])
    #expect(try folder.picture().mapValues(\.content) == ["a": "secret"])
    #expect(try folder.picture()["a"]?.mode == 0o100640)
  }

  @Test("is known by its public half, and its file by its properties", arguments: FarShell.allCases)
  func looks(_ shell: FarShell) async throws {
    let sample = try TestComponent.keepingItsKey()
    let (access, local) = (try shell.accessWithKeys(in: tools), TargetAccess.local())
    let path = sample.folder.path("key.pem")
    #expect(try await access.state(path) == (try await local.state(path)))
    #expect(try await access.lookAtKey(path) == (try await local.lookAtKey(path)))
    for missing in ["none", "none/none"] {
      #expect(try await access.state(sample.folder.path(missing)) == nil)
      #expect(try await access.lookAtKey(sample.folder.path(missing)) == nil)
    }
    #expect(await code { _ = try await access.lookAtKey(sample.folder.path("chain.pem")) } == "KEY_UNREADABLE")
    for (text, expected) in [("root:*:1:::\n", "NOT_PEM"), ("", "KEY_UNREADABLE")] {
      try sample.folder.write(text, to: "other")
      #expect(await code { _ = try await access.lookAtKey(sample.folder.path("other")) } == expected)
    }
    #expect(await code { _ = try await access.state(sample.folder.path) } == "FOLDER_IN_THE_WAY")
    try sample.folder.write(sample.authority.child().key.pkcs8PEM().text, to: "key.pem", mode: 0o400)
    #expect(await inspect(sample, access).findings.problems.map(\.code) == ["KEY_DOES_NOT_MATCH"])
  }

  @Test("needs an openssl that can make it, which the plan says of such a component alone")
  func withoutProgram() async throws {
    let sample = try TestComponent()
    let access = try FarShell.busybox.access(in: tools)
    #expect(await inspect(sample, access).findings.problems == [])
    var keeping = sample
    keeping.component.keyMade = .onTarget
    let before = try sample.folder.picture()
    let problems = await inspect(keeping, access).findings.problems
    #expect(problems.map(\.code) == ["OPENSSL_MISSING"])
    #expect(
      problems.first?.sentence.hasSuffix(
        "The program openssl is missing, which has to make and look at the "
          + "component's key there.") == true)
    #expect(await code { _ = try await keeping.issueForKeptKey(over: access) } == "OPENSSL_MISSING")
    // Even where there is no key yet to look at.
    unlink(sample.folder.path("key.pem"))
    unlink(sample.folder.path("chain.pem"))
    #expect(await inspect(keeping, access).findings.problems.map(\.code) == ["OPENSSL_MISSING"])
    try tools.write("#!/bin/busybox sh\necho 'OpenSSL 1.0.2u  20 Dec 2019'\n", to: "applets/openssl", mode: 0o755)
    let old = await inspect(keeping, access).findings.problems
    #expect(old.map(\.code) == ["OPENSSL_UNFIT"] && old.first?.sentence.contains("1.0.2u") == true)
    #expect(try sample.folder.picture() == before.filter { $0.key == "roots.pem" })
  }

  @Test("is not made for a name that would mean something else to openssl, nor over a folder; nothing is left then")
  func refused() async throws {
    let sample = try TestComponent.keepingItsKey()
    let access = try FarShell.dash.accessWithKeys(in: tools)
    let before = try sample.folder.picture()
    for name in ["a\nDNS.9 = b.example", "a, DNS:b", "$ENV::PATH", "a'b"] {
      #expect(await code { _ = try await sample.issueForKeptKey(names: [.dns(name)], over: access) } == "NAME_INVALID")
    }
    #expect(
      await code { _ = try await sample.issueForKeptKey(names: [.ip("999.1.1.1")], over: access) } == "REQUEST_NOT_MADE"
    )
    #expect(try sample.folder.picture() == before)
    try sample.folder.folder(".key.pem.reroot-next")
    let blocked = try sample.folder.picture()
    #expect(await code { _ = try await sample.issueForKeptKey(over: access) } == "FOLDER_IN_THE_WAY")
    #expect(try sample.folder.picture() == blocked)
  }

  @Test("is in no argument, in no environment and in no file that others can read", arguments: FarShell.allCases)
  func secrecy(_ shell: FarShell) async throws {
    let sample = try TestComponent.keepingItsKey()
    _ = try shell.accessWithKeys(in: tools)
    let path = try watchedTools(shell, sample.folder.path)
    // Were the variable exported by the account, the tools would be given what it holds.
    let access = try shell.access(in: tools, path: path, variables: ["KEY_TEXT=x"])
    _ = try await sample.issueForKeptKey(over: access)
    let seen = try tools.text("seen")
    let key = try sample.folder.text(".key.pem.reroot-next")
    for line in key.split(separator: "\n") where !line.hasPrefix("-") { #expect(!seen.contains(line)) }
    for tool in ["openssl genpkey ", "openssl req ", "/sha256sum ", "/mv ", "PATH=", ".0.new"] {
      #expect(seen.contains(tool), "\(tool)")
    }
    let modes = seen.split(separator: "\n").filter { $0.hasPrefix("mode ") }
    #expect(!modes.isEmpty && modes.allSatisfy { $0.hasPrefix("mode 600 ") }, "\(modes)")
  }

  /// Tools that write down, before they do their work, what can be seen from outside: their arguments and environment, and
  /// the modes of the files that are being made in the folder.
  private func watchedTools(_ shell: FarShell, _ folder: String) throws -> String {
    try tools.folder("watched")
    for name in ["openssl", "sha256sum", "base64", "chmod", "chown", "mv", "rm", "sync"] {
      let isApplet = shell == .busybox && name != "openssl"
      try tools.write(
        """
        #!/bin/sh
        {
          /usr/bin/tr '\\0' ' ' <"/proc/$$/cmdline"
          /usr/bin/env
          /usr/bin/find '\(folder)' -name '.*reroot*' -type f -printf 'mode %m %f\\n'
        } >>\(tools.path("seen"))
        exec \(isApplet ? "/bin/busybox \(name)" : "/usr/bin/\(name)") "$@"
        """, to: "watched/" + name, mode: 0o755)
    }
    return tools.path("watched") + ":" + (try shell.path(in: tools))
  }

  private func inspect(
    _ sample: TestComponent, _ access: TargetAccess
  ) async -> (findings: Findings, snapshot: [SnapshotFile]) {
    await sample.delivery(over: access).inspect(knownRoots: [sample.authority.certificate], now: Date())
  }
}
