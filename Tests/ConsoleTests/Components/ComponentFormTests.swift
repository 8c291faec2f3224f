import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The form of a component", .timeLimit(.minutes(2))) struct ComponentFormTests {
  static let full = Component(
    id: Component.ID(rawValue: 0), name: "Web & “proxy”", description: "Line one\nline <two>", stage: 7,
    names: [.dns("web.example"), .dns("*.web.example"), .ip("192.0.2.1"), .ip("2001:db8::1")], usage: .both,
    key: .rsa3072,
    files: FileLayout(
      certificateChain: "/etc/web/a b.pem", key: "/etc/web/key.pem", trustBundle: "/etc/web/roots.pem",
      owner: "www-data",
      group: "33", mode: 0o640, keyMode: 0o440),
    activation: Activation(method: .command(["/usr/bin/systemctl", "reload", "a unit", " -x "]), timeLimit: 3600),
    endpoints: [
      Endpoint(host: "192.0.2.1", port: 443), Endpoint(host: "2001:db8::1", port: 65535, serverName: "web.example"),
      Endpoint(host: "db.example", port: 5432, transport: .postgresql),
      Endpoint(host: "web.example", port: 444, addresses: ["192.0.2.1", "2001:db8::1"]),
      Endpoint(host: "", port: 445, addresses: ["192.0.2.7"]),
    ], verificationTimeLimit: 1, peers: [], maintenance: "Ask the “shift leader” first,\nthen <go>.",
    rollingGroup: "web & more")

  static var signalled: Component {
    var component = full
    component.name = "Signalled"
    component.files = FileLayout(combined: "/etc/s/all.pem")
    component.kind = "haproxy"
    component.activation = Activation(
      method: .signal("USR2", pidFile: "/run/s.pid"), timeLimit: 1, check: ["/usr/sbin/haproxy", "-c", "-f", "/a b"])
    component.usage = .client
    component.endpoints = []
    component.peers = nil
    return component
  }

  static let hostKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHbnEFO+gqJKYpeAugrdHywFv5MyC7Ayhx1kX6CATMf4"

  static var remote: Component {
    var component = bare
    component.target = .ssh(
      SSHTarget(
        host: "2001:db8::7", port: 2222, user: "reroot", identityFile: "/etc/reroot/id one", hostKey: hostKey + " c",
        sudo: true))
    return component
  }

  static var stores: Component {
    var component = bare
    component.files = FileLayout(keyStore: "/j/k.p12", trustStore: "/j/t.p12", storePasswordFile: "/j/pass word")
    return component
  }

  static var keptKey: Component {
    var component = bare
    component.keyMade = .onTarget
    return component
  }

  static var bare: Component {
    Component(
      id: Component.ID(rawValue: 0), name: "b", names: [.dns("b")],
      files: FileLayout(certificateChain: "/b/c", key: "/b/k"))
  }

  @Test("Saving a form as it is shown changes nothing", arguments: [full, signalled, bare, remote, stores, keptKey])
  func roundTrip(_ component: Component) async throws {
    try await withBrowser { console, browser in
      let stored = try await console.store.addComponent(component)
      let page = try await browser.get("/components/\(stored.id)/edit")
      let answer = try await browser.submit(page)
      #expect(answer.status == 303, "\(answer)")
      #expect(try await console.store.components() == [stored])
    }
  }

  /// A field of the target, what is typed into it, and a part of the sentence beside it.
  static let targetRows: [(field: String, value: String, sentence: String)] = [
    ("target.ssh.host", "", "Give a host"), ("target.ssh.host", "-oProxyCommand=x", "not a host name"),
    ("target.ssh.port", "0", "1 to 65535"), ("target.ssh.port", "x", "1 to 65535"),
    ("target.ssh.user", "-l root", "account"), ("target.ssh.identity_file", "id", "absolute path"),
    ("target.ssh.host_key", "gw1 " + hostKey, "Leave out the host's name"),
  ]

  @Test("What is wrong with a target by SSH is said at its field, and a good one is shown with its fingerprint")
  func target() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/new")
      let good = Self.good.merging([
        "target": "ssh", "target.ssh.host": "gw1.example", "target.ssh.port": "22", "target.ssh.user": "reroot",
        "target.ssh.identity_file": "/etc/reroot/id", "target.ssh.host_key": Self.hostKey,
      ]) { $1 }
      for row in Self.targetRows {
        let answer = try await browser.submit(page, nil, good.merging([row.field: row.value]) { $1 })
        #expect(answer.status == 422, "\(row)")
        #expect(answer.error(of: row.field)?.contains(row.sentence) == true, "\(row): \(answer.errorFields)")
      }
      #expect(try await browser.submit(page, nil, good).status == 303)
      let stored = try #require(try await console.store.components().first)
      #expect(stored.target.ssh?.words == "gw1.example by SSH as reroot")
      let details = try await browser.get("/components/\(stored.id)")
      #expect(details.says("gw1.example, by SSH as reroot"))
      #expect(details.says("ssh-ed25519 SHA256:Tck2F3E2uyc94We3kOYIdrJ9icTklhdrBKug6c2xlw4"))
    }
  }

  @Test("Thirty-two endpoints pass through the form")
  func manyEndpoints() async throws {
    try await withBrowser { console, browser in
      var component = Self.bare
      component.endpoints = (1...32).map { Endpoint(host: "127.0.0.1", port: UInt16($0)) }
      let stored = try await console.store.addComponent(component)
      let page = try await browser.get("/components/\(stored.id)/edit")
      #expect(try await browser.submit(page).status == 303)
      #expect(try await console.store.components() == [stored])
    }
  }

  /// A field, what is typed into it, and a part of the sentence beside it.
  static let rows: [(field: String, value: String, sentence: String)] = [
    ("name", "", "Give the component a name"), ("name", String(repeating: "x", count: 65), "at most 64"),
    ("name", "a\u{200B}b", "control characters"), ("description", String(repeating: "d", count: 501), "at most 500"),
    ("maintenance", String(repeating: "d", count: 501), "at most 500"), ("maintenance", "a\u{200B}b", "control"),
    ("restart", "later", "Choose one"), ("group", "", "Name the group"), ("group", "a\u{200B}b", "control characters"),
    ("endpoints.0.addresses", "192.0.2.1, web.example", "belongs into the host"),
    ("endpoints.0.addresses", "192.0.2.1 192.0.2.1", "given twice"), ("stage", "0", "1 to 1000"),
    ("stage", "1001", "1 to 1000"), ("stage", "two", "1 to 1000"), ("stage", "", "1 to"),
    ("names", "", "at least one"), ("names", "a b", "not a host name"), ("names", "x.example\nX.example", "twice"),
    ("names", "*.example", "two parts"), ("names", "1.2.3", "looks like an IP address"),
    ("names", String(repeating: "l", count: 64) + ".example", "longer than 63"), ("usage", "none", "Choose one"),
    ("kind", "iis", "Choose one"), ("activation.check", "nginx\n-t", "absolute path"),
    ("key", "dsa", "Choose one"), ("target", "moon", "Choose one"), ("files.certificate", "", "Give the file"),
    ("files.certificate", "relative.pem", "absolute path"), ("files.certificate", "/a/../b", "without “.” and “..”"),
    ("files.certificate", "/dev/null", "cannot be replaced"), ("files.key", "", "Give the file of the key"),
    ("files.key", "/x/", "not of a folder"), ("files.combined", "/x/all.pem", "not both"),
    ("files.key_store", "/x/k.p12", "but not both"), ("files.trust_store", "relative", "absolute path"),
    ("files.store_password_file", "/x/p", "A password is for a key store"),
    ("files.store_password_file", "p", "absolute path"),
    ("files.trust_bundle", "/a//b", "single slashes"), ("files.owner", "a b", "Give the name of a user"),
    ("files.group", "-x", "Give the name of a group"), ("files.mode", "9", "octal digits"),
    ("files.mode", "4644", "setuid"), ("files.mode", "044", "400 at least"), ("files.key_mode", "644", "everybody"),
    ("files.key_mode", "0", "octal digits"), ("activation.method", "magic", "Choose how"),
    ("activation.command", "", "Give the program"), ("activation.command", "systemctl\nreload", "absolute path"),
    ("activation.command", "systemctl reload x", "one word to a line"),
    ("activation.time_limit", "0", "1 to 3600"), ("activation.time_limit", "3601", "1 to 3600"),
    ("endpoints.0.host", "", "Give a host"), ("endpoints.0.host", "bad host", "not a host name"),
    ("endpoints.0.port", "0", "1 to 65535"), ("endpoints.0.port", "65536", "1 to 65535"),
    ("endpoints.0.port", "", "1 to 65535"), ("endpoints.0.server_name", "-x", "not a host name"),
    ("endpoints.0.transport", "quic", "Choose one"), ("verification_time_limit", "0", "1 to 3600"),
    ("peers", "nobody", "There is no component"), ("peers", "here", "no peer of itself"),
  ]

  private static let good = [
    "name": "here", "names": "here.example", "stage": "1", "files.certificate": "/h/c", "files.key": "/h/k",
    "activation.method": "command", "activation.command": "/bin/true", "endpoints.0.host": "127.0.0.1",
    "restart": "rolling", "group": "replicas", "maintenance": "Ask first.",
    "endpoints.0.port": "443", "endpoints.0.server_name": "here.example", "peers.choice": "named", "peers": "",
  ]

  @Test("What is wrong is said at its field, everything typed stays, and nothing is stored")
  func validation() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/new")
      for row in Self.rows {
        let answer = try await browser.submit(page, nil, Self.good.merging([row.field: row.value]) { $1 })
        #expect(answer.status == 422, "\(row)")
        #expect(answer.error(of: row.field)?.contains(row.sentence) == true, "\(row): \(answer.errorFields)")
        #expect(answer.links.contains("#\(row.field)"), "\(row)")
        let shown = try answer.form()
        if !["usage", "restart", "kind", "key", "target", "activation.method", "endpoints.0.transport"].contains(
          row.field)
        {
          // What hides is written out, so that it can be seen what is wrong.
          #expect(shown.value(row.field) == VisibleText.lines(row.value), "\(row)")
        }
        #expect(shown.value("files.certificate") == (row.field == "files.certificate" ? row.value : "/h/c"))
      }
      #expect(try await console.store.components().isEmpty)
      let answer = try await browser.submit(page, nil, Self.good)
      #expect(answer.status == 303)
      #expect(try await console.store.components().map(\.name) == ["here"])
    }
  }

  @Test("Two components can share neither a name nor a file")
  func clashes() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/new")
      #expect(try await browser.submit(page, nil, Self.good).status == 303)
      let same = try await browser.submit(page, nil, Self.good.merging(["name": "HERE"]) { $1 })
      #expect(Set(same.errorFields) == ["name", "files.certificate", "files.key"])
      let other = try await browser.submit(
        page, nil, Self.good.merging(["name": "b", "files.certificate": "/b/c", "files.key": "/h/c"]) { $1 })
      #expect(other.errorFields == ["files.key"])
      #expect(try await console.store.components().count == 1)
    }
  }

  @Test("A group is in one stage: the form says who has it in which, and leaving it is possible")
  func groupInOneStage() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/new")
      #expect(try await browser.submit(page, nil, Self.good).status == 303)
      var second = Self.good.merging(["name": "b", "stage": "2", "files.certificate": "/b/c", "files.key": "/b/k"]) {
        $1
      }
      let refused = try await browser.submit(page, nil, second)
      #expect(refused.errorFields == ["group"])
      #expect(refused.error(of: "group")?.contains("“replicas” is in stage 1, by “here”") == true)
      second["restart"] = "at_once"
      #expect(try await browser.submit(page, nil, second).status == 303)
      #expect(try await console.store.components().map(\.rollingGroup) == ["replicas", nil])
    }
  }

  @Test("Renaming a component renames it in the connections of others, removing it takes it out")
  func renaming() async throws {
    try await withBrowser { console, browser in
      let store = console.store
      let a = try await store.addComponent(TestSystem.component("a"))
      var second = TestSystem.component("b")
      second.peers = ["a"]
      let b = try await store.addComponent(second)
      let page = try await browser.get("/components/\(a.id)/edit")
      #expect(try await browser.submit(page, nil, ["name": "alpha"]).status == 303)
      #expect(try await store.components().first { $0.id == b.id }?.peers == ["alpha"])
      #expect(try await store.components().first { $0.name == "alpha" }?.id == a.id)
      let remove = try await browser.get("/components/\(a.id)/remove")
      #expect(remove.says("It is taken out of the connections of b."))
      #expect(try await browser.submit(remove, nil, ["reason": "It is gone."]).status == 303)
      #expect(try await store.components().map(\.peers) == [[]])
    }
  }

  @Test("While an update is under way no component is removed from under it")
  func duringUpdate() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      let path = "/components/\(try system.id("web"))/remove"
      let answer = try await system.browser.submit(system.browser.get(path), path, ["reason": "It is gone."])
      #expect([303, 409].contains(answer.status))
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
    }
  }
}
