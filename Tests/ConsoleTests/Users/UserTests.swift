import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Users", .timeLimit(.minutes(2))) struct UserTests {
  private static let password = "a staple of good batteries"

  /// Adds a user over the pages, and returns the path of the link that is shown.
  private func add(_ name: String, _ role: Role, _ browser: Browser) async throws -> String {
    let form = try await browser.get("/users/new")
    let page = try await browser.submit(form, "/users/new", ["name": name, "role": role.rawValue])
    #expect(page.status == 200, "\(page.text)")
    #expect(page.says("This link is shown only now"))
    return try link(page)
  }

  private func link(_ page: Answer) throws -> String {
    let address = try #require(HTML.first(#"<code id="link">([^<]*)</code>"#, in: page.html).map(HTML.decoded))
    #expect(address.hasPrefix("https://localhost:"))
    return try #require(HTML.first("(/password/.*)", in: address))
  }

  private func choose(_ path: String, _ password: String, _ browser: Browser) async throws -> Answer {
    let page = try await browser.get(path)
    guard page.status == 200 else { return page }
    return try await browser.submit(page, path, ["password": password, "password_again": password])
  }

  private func signIn(_ name: String, _ password: String, _ browser: Browser) async throws -> Answer {
    let page = try await browser.get("/sign-in")
    return try await browser.submit(page, "/sign-in", ["name": name, "password": password])
  }

  @Test(
    "A link leads to this console whatever a client calls it: to the address that is set, or to one of its own names")
  func ownAddress() async throws {
    try await withBrowser { console, _ in
      let token = try await console.store.makeToken(
        named: "t", of: console.user(.administrator).id, role: .administrator, days: 1
      ).token
      let id = try await console.user(.viewer).id
      func address(_ host: String) async throws -> String {
        let request = [
          "POST /api/v1/users/\(id)/password-links HTTP/1.1", "Host: \(host)", "Connection: close",
          "Authorization: Bearer \(token)", "Content-Length: 0", "", "",
        ].joined(separator: "\r\n")
        let answer = try await console.stranger().raw(Array(request.utf8))
        return try #require(try answer.json["link"]?["address"]?.text, "\(answer)")
      }
      let (port, own) = (console.port, try #require(console.console.services.https.names.first).text)
      for host in ["localhost", "localhost:\(port)", "127.0.0.1:\(port)", "[::1]:\(port)"] {
        #expect(try await address(host).hasPrefix("https://\(host)/password/"))
      }
      for host in [
        "evil.example", "evil.example:\(port)", "localhost.evil.example", "localhost:1:2", "[::1].evil.example",
        "localhost:\(port == 8443 ? 8444 : 8443)",
      ] {
        #expect(try await address(host).hasPrefix("https://\(own):\(port)/password/"), "\(host)")
      }
      try await console.store.set("notify_console", to: "https://reroot.example.net")
      for host in ["evil.example", "localhost"] {
        #expect(try await address(host).hasPrefix("https://reroot.example.net/password/"))
      }
    }
  }

  @Test(
    "Of names and ports only the console's own are taken, and never one that a wildcard stands for",
    arguments: [
      ("console.example.net", 8443, "https://console.example.net"),
      ("Console.Example.net:8443", 8443, "https://Console.Example.net:8443"),
      ("console.example.net:8444", 8443, "https://console.example.net:8443"),
      ("evil.example.net", 8443, "https://console.example.net:8443"),
      ("evil.example.net:8443", 8443, "https://console.example.net:8443"),
      ("*.example.net", 8443, "https://console.example.net:8443"),
      ("console.example.net:", 8443, "https://console.example.net:8443"),
      ("evil.example", nil, "https://console.example.net"), (nil, nil, "https://console.example.net"),
    ] as [(String?, UInt16?, String)])
  func ownNames(_ host: String?, _ port: UInt16?, _ address: String) {
    let names = [SubjectName.dns("*.example.net"), .dns("console.example.net"), .dns("localhost")]
    #expect(OwnAddress.address(sentTo: host, names: names, port: port) == address)
    #expect(OwnAddress.address(sentTo: host, names: [.dns("*.example.net")], port: 1) == "https://localhost:1")
    #expect(OwnAddress.address(sentTo: host, names: [.ip("2001:db8::1")], port: 1) == "https://[2001:db8::1]:1")
  }

  @Test("A user who is added chooses a password over the link, signs in, and has the role")
  func added() async throws {
    try await withBrowser { console, administrator in
      let path = try await add("Grace", .operator, administrator)
      let list = try await administrator.get("/users")
      #expect(list.says("Grace Operator"))
      #expect(list.says("Has a link good until"))
      let token = path.replacing("/password/", with: "")
      #expect(!list.has(token))

      let browser = console.stranger()
      #expect(try await signIn("Grace", Self.password, browser).says("The name or the password is wrong"))
      let page = try await browser.get(path)
      #expect(page.says("You will sign in as “Grace”, an operator."))
      let short = try await browser.submit(page, path, ["password": "short", "password_again": "short"])
      #expect(short.error(of: "password") == "Choose a password of at least 12 characters.")
      let chosen = try await choose(path, Self.password, browser)
      #expect(chosen.location == "/sign-in")
      #expect(browser.cookies[SessionCookie.name] == nil)
      #expect(try await browser.follow(chosen).says("Your password was set. Sign in with it as “Grace”."))
      #expect(try await signIn("grace", Self.password, browser).location == "/")
      #expect(try await browser.get("/roots").status == 200)
      #expect(try await browser.get("/users").status == 403)
      #expect(try await administrator.get("/users").says("Can sign in"))

      #expect(try await choose(path, Self.password + " again", browser).status == 404)
      #expect(console.log.all.contains { $0.contains("user.added") && $0.contains("by=ada") })
      #expect(!console.log.all.contains { $0.contains(token) || $0.contains(Self.password) })
    }
  }

  @Test("A link is good for 24 hours, to the second, and only the newest one is")
  func linkTime() async throws {
    try await withBrowser { console, administrator in
      let first = try await add("Grace", .viewer, administrator)
      let grace = try #require(try await console.store.user(name: "grace"))
      let page = try await administrator.get("/users/\(grace.id)/link")
      let second = try link(try await administrator.submit(page, "/users/\(grace.id)/link"))
      let browser = console.stranger()
      #expect(try await browser.get(first).status == 404)
      console.clock.advance(24 * 3600 - 1)
      #expect(try await browser.get(second).status == 200)
      console.clock.advance(1)
      let late = try await browser.get(second)
      #expect(late.status == 404)
      #expect(late.says("This link is not valid any more"))
      let unused = try await console.browser()
      #expect(try await unused.get("/users").says("Link expired"))
    }
  }

  @Test("A new password link ends the sessions and the former password; nobody makes one for himself")
  func newLink() async throws {
    try await withBrowser { console, administrator in
      let user = try await console.user(.operator)
      let browser = try await console.browser(.operator)
      let stream = try await withOpenStream(console, browser)
      #expect(try await signIn("operator", TestConsole.password, console.stranger()).location == "/")

      let page = try await administrator.get("/users/\(user.id)/link")
      let path = try link(try await administrator.submit(page, "/users/\(user.id)/link"))
      try await eventually("The stream ends") { stream.hasEnded }
      #expect(try await browser.get("/roots").location == "/sign-in?return=/roots")
      let stranger = console.stranger()
      #expect(
        try await signIn("operator", TestConsole.password, stranger).says("The name or the password is wrong"))
      #expect(try await choose(path, Self.password, stranger).status == 303)
      #expect(try await signIn("operator", Self.password, stranger).location == "/")

      let own = try #require(try await console.store.user(name: TestConsole.name))
      let refused = try await administrator.post(
        "/users/\(own.id)/link", [("csrf", try await administrator.token())])
      #expect(refused.status == 409)
      #expect(refused.says("change your own password on the page Account"))
      #expect(try await administrator.get("/roots").status == 200)
    }
  }

  private func withOpenStream(_ console: TestConsole, _ browser: Browser) async throws -> EventReader {
    let system = try await TestSystem(console)
    system.targets.arm(.deploy, at: "web")
    let id = try await system.start()
    try await system.settled(id)
    return try await browser.events("/updates/\(id)/events")
  }

  @Test("The last administrator is neither removed nor given another role, nor is one who has no password enough")
  func lastAdministrator() async throws {
    try await withBrowser { console, browser in
      let ada = try #require(try await console.store.user(name: TestConsole.name))
      _ = try await add("Grace", .administrator, browser)
      _ = try await console.user(.operator)
      let removal = try await browser.submit(
        try await browser.get("/users/\(ada.id)/remove"), "/users/\(ada.id)/remove",
        ["reason": "leaves"])
      #expect(removal.status == 409)
      #expect(removal.says("This is the last administrator who has a password"))
      let change = try await browser.submit(
        try await browser.get("/users/\(ada.id)"), "/users/\(ada.id)", ["role": "viewer"])
      #expect(change.status == 422)
      #expect(change.error(of: "role")?.contains("last administrator") == true)
      #expect(try await console.store.user(ada.id).role == .administrator)

      _ = try await console.user(.administrator, 2)
      let resigned = try await browser.submit(
        try await browser.get("/users/\(ada.id)"), "/users/\(ada.id)", ["role": "viewer"])
      #expect(resigned.location == "/")
      #expect(try await browser.get("/users").status == 403)
    }
  }

  @Test("Two administrators who remove each other at the same time leave one")
  func race() async throws {
    try await withBrowser { console, _ in
      for number in 2...9 {
        let other = try await console.user(.administrator, number)
        let ada = try #require(try await console.store.users().first { $0.role == .administrator && $0.id != other.id })
        let store = console.store
        async let one = code { try await store.removeUser(other.id) }
        async let two = code { try await store.changeUser(ada.id, name: ada.name, role: .viewer) }
        let outcomes = [await one, await two]
        #expect(outcomes.count { $0 == "" } == 1 && outcomes.count { $0 == "LAST_ADMINISTRATOR" } == 1, "\(outcomes)")
        #expect(try await store.users().count { $0.role == .administrator } == 1)
      }
    }
  }

  private func code(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return ""
    } catch {
      return (error as? StoreError)?.code ?? "\(error)"
    }
  }

  @Test("A name is taken only once, whatever its case, and a renamed user keeps the session")
  func names() async throws {
    try await withBrowser { console, browser in
      let user = try await console.user(.viewer)
      let session = try await console.browser(.viewer)
      let form = try await browser.get("/users/new")
      for (name, sentence) in [
        ("VIEWER", "There is a user of the name “VIEWER” already."),
        ("a\nb", "The name holds a character that is not shown (U+000A)."),
      ] {
        let answer = try await browser.submit(form, "/users/new", ["name": name, "role": "viewer"])
        #expect(answer.status == 422)
        #expect(answer.error(of: "name")?.hasPrefix(sentence) == true)
      }
      #expect(try await browser.submit(form, "/users/new", ["name": "Grace", "role": "root"]).errorFields == ["role"])
      let edit = try await browser.get("/users/\(user.id)")
      #expect(try await browser.submit(edit, "/users/\(user.id)", ["name": "ada"]).status == 422)
      #expect(try await browser.submit(edit, "/users/\(user.id)", ["name": "<b>Linus</b>"]).status == 303)
      #expect(try await session.get("/account").says("signed in as <b>Linus</b>"))
      #expect(try await browser.get("/users").says("<b>Linus</b> Viewer"))
      #expect(try await browser.get("/users/99").status == 404)
    }
  }

  @Test(
    "No two users have names that look the same, and each spelling signs the one in",
    arguments: [
      ("Caf\u{E9}x", "Cafe\u{301}x"), ("\u{C4}x", "\u{E4}x"), ("Kelvin", "\u{212A}elvin"), ("Stra\u{DF}e", "STRASSE"),
      ("Ada L", "Ada  L"), ("\u{3A3}\u{3AF}\u{3C3}", "\u{3C3}\u{3AF}\u{3C2}"), ("Ren\u{E9} 1", "Ren\u{E9} \u{FF11}"),
    ])
  func lookalikes(_ name: String, _ other: String) async throws {
    try await withBrowser { console, browser in
      let hash = try PasswordHash.make(SecretBytes(utf8: "the right password"))
      _ = try await console.store.addUser(name, hash: hash)
      let form = try await browser.get("/users/new")
      let answer = try await browser.submit(form, "/users/new", ["name": other, "role": "viewer"])
      #expect(answer.status == 422)
      #expect(answer.error(of: "name")?.contains("already") == true, "\(answer.text)")
      let stranger = console.stranger()
      let fields = ["name": other, "password": "the right password"]
      #expect(try await stranger.submit(stranger.get("/sign-in"), "/sign-in", fields).status == 303)
    }
  }

  @Test("A name is of one alphabet, and its characters are all shown; a user who is there may keep another one")
  func alphabets() async throws {
    try await withBrowser { console, browser in
      let form = try await browser.get("/users/new")
      for (name, words) in [
        ("\u{410}da", "The name mixes Cyrillic and Latin letters"),
        ("\u{3B1}da", "The name mixes Greek and Latin letters"),
        ("A\u{200B}da", "a character that is not shown (U+200B)"), ("", "Give a name of 1 to 64 characters"),
      ] {
        let answer = try await browser.submit(form, "/users/new", ["name": name, "role": "viewer"])
        #expect(answer.status == 422 && answer.error(of: "name")?.contains(words) == true, "\(answer.text)")
      }
      for name in ["\u{410}\u{434}\u{430} 2", "\u{3B1}\u{3B2}\u{3B3}", "M\u{FC}ller \u{1F469}"] {
        #expect(
          try await browser.submit(form, "/users/new", ["name": name, "role": "viewer"]).status == 200, "\(name)")
      }
      let hash = try PasswordHash.make(SecretBytes(utf8: "the right password"))
      let mixed = try await console.store.addUser("B\u{43E}b", hash: hash)
      let edit = "/users/\(mixed)"
      #expect(try await browser.submit(browser.get(edit), edit, ["role": "operator"]).status == 303)
    }
  }

  @Test("Two users of an earlier version whose names look the same both stay, and each signs in by the own spelling")
  func formerLookalikes() async throws {
    let folder = try TemporaryFolder()
    try FormerDatabase.make(in: folder.path + "/data", names: ["Caf\u{E9}", "Cafe\u{301}", "\u{C4}x", "\u{E4}x"])
    let store = try Store.open(folder: folder.path + "/data")
    let users = try await store.users()
    #expect(users.count == 4)
    for user in users { #expect(try await store.user(name: user.name)?.id == user.id, "\(user.name)") }
    let second = try #require(users.first { $0.name.unicodeScalars.count == 5 })
    try await store.changeUser(second.id, name: second.name, role: .operator)
    #expect(try await store.user(second.id).role == .operator)
    await #expect(throws: StoreError.self) {
      try await store.changeUser(second.id, name: "CAF\u{C9}", role: .operator)
    }
    try await store.changeUser(second.id, name: "Carl", role: .operator)
    #expect(try await store.user(name: "CARL")?.id == second.id)
    try store.close()
  }

  @Test("Users of a folder from before roles are administrators, and one without a role may only look")
  func migration() async throws {
    let folder = try TemporaryFolder()
    try FormerDatabase.make(in: folder.path + "/data")
    let store = try Store.open(folder: folder.path + "/data")
    #expect(try await store.users().map { "\($0.name) \($0.role)" } == ["ada administrator", "grace administrator"])
    #expect(try await store.users().allSatisfy { $0.hasPassword && $0.signedInAt == nil })
    try await store.write { database in
      try database.execute(
        sql: "INSERT INTO users (name, password_hash, added_at) SELECT 'x', password_hash, 1 FROM users LIMIT 1")
    }
    #expect(try await store.user(name: "x")?.role == .viewer)
    try store.close()
  }
}
