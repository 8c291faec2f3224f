import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Text that means harm", .timeLimit(.minutes(2))) struct HostileTextTests {
  private static let markup = "<script>alert(\"1\")</script>'><img src=x onerror=alert(2)>{{title}}"
  /// Characters that hide, turn round or end what stands beside them; a page of the console needs none.
  private func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: scalar != "\n" && scalar != "\t" && scalar != "\r"
    case .format, .lineSeparator, .paragraphSeparator, .privateUse: true
    default: scalar.properties.isDefaultIgnorableCodePoint
    }
  }

  private func check(_ answer: Answer, _ path: String) {
    #expect(answer.status < 500, "\(path)")
    if answer.header("content-type")?.hasPrefix("text/html") == true {
      for tag in ["<script>", "<img ", "alert(\"1\")</"] { #expect(!answer.has(tag), "\(tag) on \(path)") }
    }
    let harmful = answer.html.unicodeScalars.filter(isHarmful)
    #expect(harmful.isEmpty, "\(harmful.map { String($0.value, radix: 16) }) on \(path)")
    if let name = answer.header("content-disposition") { #expect(name.utf8.allSatisfy { $0 > 0x1F && $0 < 0x7F }) }
  }

  /// What is planted in a field: a word that finds it again, markup, and every kind of character that hides or turns text.
  private static func planted(_ word: String) -> String {
    "planted-\(word)<img src=x>\u{202E}\u{2066}\u{200F}\u{61C}\u{7}\u{1B}[31m\u{2028}\u{85}\u{FEFF}\u{200B}\u{AD}\u{3164}"
      + "\u{E0041}z"
  }

  /// Fields that reach an update's activation.
  private func workable() -> Component {
    var component = TestSystem.component("web", endpoints: [Endpoint(host: "127.0.0.1", port: 1)])
    component.name = Self.planted("name")
    component.description = Self.planted("description")
    component.maintenance = Self.planted("maintenance")
    component.rollingGroup = Self.planted("group")
    component.activation.method = .command(["/bin/x", Self.planted("command")])
    component.activation.check = ["/bin/y", Self.planted("check")]
    component.endpoints[0].serverName = Self.planted("server-name")
    component.files.owner = Self.planted("owner")
    component.files.group = Self.planted("file-group")
    return component
  }

  /// Fields that no certificate could be issued with, and that no machine has.
  private func unworkable() -> Component {
    var component = TestSystem.component("other")
    component.name = Self.planted("other-name")
    component.names = [.dns(Self.planted("dns")), .ip(Self.planted("ip"))]
    component.files.certificateChain = "/srv/" + Self.planted("path")
    component.files.trustBundle = "/srv/" + Self.planted("bundle")
    component.endpoints = [Endpoint(host: Self.planted("host"), port: 1, addresses: [Self.planted("address")])]
    component.peers = [Self.planted("peer")]
    component.target = .ssh(
      SSHTarget(
        host: Self.planted("ssh-host"), port: 22, user: Self.planted("ssh-user"),
        identityFile: "/" + Self.planted("identity"), hostKey: Self.planted("host-key"), sudo: false))
    component.activation.method = .signal(Self.planted("signal"), pidFile: "/" + Self.planted("pid-file"))
    return component
  }

  /// A console whose every name is planted, and a browser that is signed in by one of them.
  private func plant(_ console: TestConsole) async throws -> (browser: Browser, root: RootRecord.ID) {
    let user = Self.planted("user")
    let hash = try PasswordHash.make(SecretBytes(utf8: "correct horse battery"))
    let browser = console.stranger()
    let account = try await console.store.addFirstAdministrator(name: user, hash: hash)
    browser.set(SessionCookie.name, cookie: try await console.store.createSession(account))
    let old = try TestRoot("Old root")
    let new = try RootMaker.makeRoot(
      commonName: "planted-subject<img>\u{202E}\u{1B}[31m\u{2028}x",
      organization: "planted-organization\u{2066}<img src=x>", algorithm: .ecdsaP256,
      notBefore: TestClock.start - 9, notAfter: TestClock.start + 5 * 365 * 86_400)
    let root = try await console.store.importRoot(
      name: Self.planted("root"), certificate: new.chain[0], key: new.key, warnings: [], by: user)
    _ = try await console.store.addAuthorities(new.chain, by: user)
    let served = try old.child(["console.example"])
    _ = try await console.store.addServerCertificate(
      name: Self.planted("server-certificate"), chain: served.chain, key: try served.key.pkcs8PEM(), by: user)
    try TestSystem.placeFiles("web", old, in: console.targets, number: 0)
    _ = try await console.store.addComponent(workable())
    console.targets.setOutput(Self.planted("output"))
    console.targets.arm(.activate, at: Self.planted("name"))
    return (browser, root)
  }

  @Test("What is planted in every field that can hold it is text on every page, in every stream and download")
  func everywhere() async throws {
    try await withConsole(hasAdministrator: false) { console in
      let (browser, root) = try await plant(console)
      var seen = ""
      func look(_ answer: Answer, _ path: String) {
        check(answer, path)
        seen += answer.html
      }
      func walk() async throws {
        for path in try RouteTable().paths("GET") where !path.hasSuffix("/events") {
          for number in ["1", "2"] {
            let filled = RouteTable.filled(path, number)
            look(try await browser.get(filled), filled)
          }
        }
      }
      func plan() async throws -> Answer {
        let form = try await browser.get("/roots/\(root)/update")
        let plan = try await browser.follow(browser.submit(form, "/plans"))
        look(plan, "the plan")
        return plan
      }
      // No update could be started with it, and the last plan is the one that is started.
      let other = try await console.store.addComponent(unworkable())
      _ = try await plan()
      try await walk()
      try await console.store.removeComponent(other.id)
      let plan = try await plan()
      #expect(try await browser.submit(plan, "/updates", ["acceptProblems": "yes"]).status == 303)
      let id = try #require(try await console.store.updates().first).id
      try await eventually("The update asks") { try await console.store.state(id).standing == .deciding }
      try await walk()
      let reader = try await browser.events("/updates/\(id)/events")
      try await eventually("The progress has come") { !reader.messages.isEmpty }
      let stream = reader.text
      #expect(!stream.contains("<img"))
      #expect(!stream.unicodeScalars.contains(where: isHarmful))
      #expect(stream.contains("planted-output"))
      reader.close()

      let words = Set(HTML.all("planted-([a-z-]+)", in: seen + stream))
      let missing = Self.words.subtracting(words)
      #expect(missing.isEmpty, "planted, but shown nowhere: \(missing.sorted())")
    }
  }

  /// Everything planted is shown on some page: otherwise the test would show nothing of it.
  private static let words: Set = [
    "name", "description", "maintenance", "group", "command", "check", "server-name", "owner", "file-group",
    "other-name", "dns", "ip", "path", "bundle", "host", "address", "peer", "ssh-host", "ssh-user", "identity",
    "host-key", "signal", "pid-file", "user", "subject", "organization", "root", "server-certificate", "output",
  ]

  @Test("What is typed into a form comes back as text")
  func typed() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/components/new")
      let names = ["name", "description", "names", "files.certificate", "activation.command", "endpoints.0.host"]
      let answer = try await browser.submit(
        page, nil, Dictionary(uniqueKeysWithValues: names.map { ($0, "\"></textarea>" + Self.markup) }))
      #expect(answer.status == 422)
      for tag in ["<script>", "<img ", "\"></textarea><"] { #expect(!answer.has(tag)) }
      #expect(try answer.form().value("description") == "\"></textarea>" + Self.markup)
      let yaml = try await browser.submit(browser.get("/components/import"), nil, ["yaml": Self.markup + ": 1"])
      #expect(!yaml.has("<script>"))
      let missing = try await browser.get("/%3Cscript%3Ealert(1)%3C/script%3E")
      #expect(!missing.has("<script>"))
      let signIn = try await browser.get("/sign-in?return=/%22%3E%3Cscript%3E")
      #expect(!signIn.has("<script>"))
    }
  }

  @Test("An accent upon a sign of HTML does not keep it from being escaped")
  func accents() async throws {
    #expect(
      Array(PageEscaping().escapeText("<\u{301}>\u{301}&\u{301}\"\u{301}'\u{301}\r\n").unicodeScalars)
        == Array("&lt;\u{301}&gt;\u{301}&amp;\u{301}&quot;\u{301}&#39;\u{301}\r\n".unicodeScalars))
    try await withBrowser { _, browser in
      let planted = "\"\u{301}><\u{301}b>'\u{301}x"
      let page = try await browser.submit(
        try await browser.get("/components/new"), nil, ["name": planted, "description": planted])
      #expect(page.status == 422 && page.has("&lt;\u{301}b"))
      for raw in ["\"\u{301}", "<\u{301}", "'\u{301}"] {
        let bytes = Array(raw.utf8)
        let found = page.body.indices.contains { page.body[$0...].starts(with: bytes) }
        #expect(!found, "\(raw)")
      }
    }
  }

  @Test("A file's name is text, whatever is in it")
  func fileName() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/roots/import")
      let name = "../<img src=x>\u{202E}xfp.exe"
      let answer = try await browser.submit(
        page, nil, ["password": "x"], files: [("file", FilePart(name, "noise"))])
      check(answer, "the import")
      #expect(!answer.has("../"))
    }
  }
}
