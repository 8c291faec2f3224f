import Foundation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("Importing a root over HTTP", .timeLimit(.minutes(2))) struct RootImportTests {
  private static let password = "pässword 17"

  private func upload(_ browser: Browser, _ bytes: [UInt8], name: String = "root.pfx", password: String = password)
    async throws -> Answer
  {
    let page = try await browser.get("/roots/import")
    return try await browser.submit(page, nil, ["password": password], files: [("file", FilePart(name, bytes))])
  }

  @Test("A good file is looked at, confirmed, and listed; its key is nowhere but sealed in the store")
  func good() async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("Fresh root")
      let held = try await upload(browser, root.pfx(password: Self.password, name: "From file"))
      #expect(held.status == 303)
      let confirm = try await browser.follow(held)
      #expect(confirm.says("Is this the right root certificate?"))
      #expect(confirm.says(root.certificate.fingerprint.description))
      #expect(confirm.says("root.pfx"))
      #expect(try confirm.form().value("name") == "From file")
      #expect(try await console.store.roots().isEmpty)
      let done = try await browser.submit(confirm, nil, ["name": "My root"])
      #expect(try await browser.follow(done).says("The root certificate “My root” was imported."))
      let record = try #require(try await console.store.roots().first)
      #expect(record.name == "My root")
      #expect(record.importedBy == "ada")
      let key = try PrivateKey(pem: try await console.store.rootKey(record.id))
      #expect(key.matches(root.certificate))
      #expect(try await browser.get(try #require(held.location)).status == 404)
      let database = try Data(contentsOf: URL(fileURLWithPath: console.folder.path + "/data/reroot.sqlite-wal"))
      #expect(!database.contains(Data("PRIVATE KEY".utf8)))
      #expect(!console.log.all.contains { $0.contains(Self.password) || $0.contains("PRIVATE KEY") })
      let der = try await browser.get("/roots/\(record.id)/certificate?format=der")
      #expect(der.body == root.certificate.der)
      let pem = try await browser.get("/roots/\(record.id)/certificate").html
      #expect(try Certificate.parse(pem: pem) == [root.certificate])
    }
  }

  /// What is wrong with a file, where it is said, and a part of the sentence.
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let field: String
    let code: String
    let make: @Sendable () throws -> [UInt8]
    var password = RootImportTests.password
    var testDescription: String { name }
  }

  static let rows: [Row] = [
    Row(name: "wrong password", field: "password", code: "WRONG_PASSWORD", make: { try TestRoot("R").pfx() }),
    Row(
      name: "no password", field: "password", code: "WRONG_PASSWORD", make: { try TestRoot("R").pfx() }, password: ""),
    Row(name: "an empty file", field: "file", code: "EMPTY_FILE", make: { [] }),
    Row(
      name: "a PEM file", field: "file", code: "NOT_PKCS12", make: { Array(try TestRoot("R").identity.chainPEM.utf8) }),
    Row(name: "noise", field: "file", code: "NOT_PKCS12", make: { [UInt8](repeating: 0x55, count: 1000) }),
    Row(
      name: "a cut file", field: "file", code: "MALFORMED",
      make: { Array(try TestRoot("R").pfx(password: RootImportTests.password).dropLast(40)) }),
    Row(
      name: "an expired root", field: "file", code: "EXPIRED",
      make: { try TestRoot("R", from: -86_400, to: -1).pfx(password: RootImportTests.password) }),
    Row(
      name: "a root of tomorrow", field: "file", code: "NOT_YET_VALID",
      make: { try TestRoot("R", from: 1, to: 86_400).pfx(password: RootImportTests.password) }),
    Row(
      name: "a child certificate", field: "file", code: "NOT_A_CA",
      make: {
        try PFX.make(
          identity: TestRoot("R").child(["a.example"]), friendlyName: "x",
          password: SecretBytes(utf8: RootImportTests.password))
      }),
  ]

  @Test("A refusal stands as a sentence at its field, with the file's name, without the password", arguments: rows)
  func refused(_ row: Row) async throws {
    try await withBrowser { console, browser in
      let bytes = try row.make()
      let expected = PFX.inspectRoot(bytes, password: SecretBytes(utf8: row.password), now: TestClock.start)
      #expect(expected.refusal?.code == row.code)
      let answer = try await upload(browser, bytes, name: "my \u{202E}file.pfx", password: row.password)
      #expect(answer.status == 422)
      let sentence = try #require(expected.refusal?.sentence)
      #expect(answer.error(of: row.field) == sentence.split(whereSeparator: \.isWhitespace).joined(separator: " "))
      #expect(answer.errorFields == [row.field])
      #expect(answer.says("file.pfx"))
      #expect(row.password.isEmpty || !answer.has(row.password))
      #expect(try answer.form().value("password") == "")
      #expect(try await console.store.roots().isEmpty)
    }
  }

  @Test("No file chosen is said at the file")
  func noFile() async throws {
    try await withBrowser { _, browser in
      let page = try await browser.get("/roots/import")
      let answer = try await browser.submit(page, nil, ["password": "x"])
      #expect(answer.error(of: "file") == "Choose the PFX file of the root certificate.")
    }
  }

  @Test("The same root twice is refused; one of the same subject with another key is told before it is confirmed")
  func twins() async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("Twin root")
      _ = try await TestSystem.add(root, "First", to: console.store)
      let same = try await upload(browser, root.pfx(password: Self.password))
      #expect(same.status == 422)
      #expect(same.error(of: "file")?.contains("there already, under the name “First”") == true)
      let other = try TestRoot("Twin root")
      let confirm = try await browser.follow(upload(browser, other.pfx(password: Self.password)))
      #expect(confirm.says("“First” has the same subject but another key."))
      let taken = try await browser.submit(confirm, nil, ["name": "FIRST"])
      #expect(taken.status == 422)
      #expect(taken.error(of: "name")?.contains("of this name already") == true)
      #expect(try await browser.submit(confirm, nil, ["name": " \u{7} "]).status == 422)
      #expect(try await browser.submit(confirm, nil, ["name": "Second"]).status == 303)
      #expect(try await console.store.roots().count == 2)
    }
  }

  @Test("An upload waits for fifteen minutes, and not a second longer", arguments: [(-1.0, true), (0.0, false)])
  func expiry(_ seconds: TimeInterval, _ isThere: Bool) async throws {
    try await withBrowser { console, browser in
      let held = try await upload(browser, TestRoot("R").pfx(password: Self.password))
      let path = try #require(held.location)
      let page = try await browser.get(path)
      console.clock.advance(Store.importLifetime + seconds)
      #expect(try await browser.get(path).status == (isThere ? 200 : 404))
      #expect(try await browser.submit(page).status == (isThere ? 303 : 404))
      #expect(try await console.store.roots().count == (isThere ? 1 : 0))
    }
  }

  @Test(
    "A file of 1 MiB reaches the inspection, one byte more is a 413 with the form and a sentence",
    arguments: [
      (1 << 20, 422), (1 << 20 + 1, 413), (3 << 20, 413),
    ])
  func size(_ count: Int, _ status: Int) async throws {
    try await withBrowser { _, browser in
      let answer = try await upload(browser, [UInt8](repeating: 0x30, count: count))
      #expect(answer.status == status)
      #expect(answer.error(of: "file")?.isEmpty == false)
      #expect(answer.says("Import New Root Certificate"))
      #expect(try await browser.get("/roots").status == 200)
    }
  }

  /// A body that no browser sends.
  struct Hostile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let headers: [(String, String)]
    let body: @Sendable (_ token: String) -> [UInt8]
  }

  static let hostile: [Hostile] = {
    let type = ("Content-Type", "multipart/form-data; boundary=\(Browser.boundary)")
    let file = ("file", FilePart("a.pfx", "x"))
    return [
      Hostile(testDescription: "two files of one name", headers: [type]) {
        Browser.multipart([("csrf", $0)], [file, file]).body
      },
      Hostile(testDescription: "no boundary named", headers: [("Content-Type", "multipart/form-data")]) {
        Browser.multipart([("csrf", $0)], [file]).body
      },
      Hostile(testDescription: "a boundary that never comes", headers: [type]) { _ in Array("hello".utf8) },
      Hostile(testDescription: "a body without its end", headers: [type]) {
        Browser.multipart([("csrf", $0)], [file]).body.dropLast(30)
      },
      Hostile(testDescription: "three thousand parts", headers: [type]) { token in
        Browser.multipart([("csrf", token)] + (0..<3000).map { ("f\($0)", "x") }, [file]).body
      },
      Hostile(testDescription: "a field of 65 KiB", headers: [type]) {
        Browser.multipart([("csrf", $0), ("password", String(repeating: "p", count: 65 << 10))], [file]).body
      },
      Hostile(testDescription: "a part's name of 300 bytes", headers: [type]) {
        Browser.multipart([("csrf", $0), (String(repeating: "n", count: 300), "")], [file]).body
      },
      Hostile(testDescription: "another media type", headers: [("Content-Type", "application/json")]) { _ in
        Array("{}".utf8)
      },
      Hostile(
        testDescription: "a length beside a transfer encoding", headers: [type, ("Transfer-Encoding", "chunked")]
      ) {
        Browser.multipart([("csrf", $0)], [file]).body
      },
    ]
  }()

  @Test("A hostile upload is a 4xx with a sentence, and the next request is served", arguments: hostile)
  func hostileBody(_ row: Hostile) async throws {
    try await withBrowser { console, browser in
      let token = try await browser.token(from: "/roots/import")
      let answer = try await browser.raw(
        browser.request("POST", "/roots/import", row.headers, body: row.body(token)))
      #expect((400..<500).contains(answer.status))
      #expect(answer.text.count > 30)
      #expect(answer.has("</html>"))
      #expect(try await browser.get("/roots/import").status == 200)
      #expect(try await console.store.roots().isEmpty)
    }
  }
}

@Suite("Removing a root", .timeLimit(.minutes(2))) struct RootRemovalTests {
  private func remove(_ system: TestSystem, _ id: RootRecord.ID) async throws -> Answer {
    let path = "/roots/\(id)/remove"
    let token = try await system.browser.token()
    return try await system.browser.post(path, [("csrf", token), ("reason", "It is not needed.")])
  }

  @Test("A root that is not needed is removed with its key, the history still knows it")
  func removable() async throws {
    try await withSystem { system in
      let path = "/roots/\(system.newID)/remove"
      let page = try await system.browser.get(path)
      #expect(page.says("The private key is deleted"))
      #expect(try await system.browser.submit(page, nil, ["reason": "It was a mistake."]).status == 303)
      #expect(try await system.browser.get("/roots/\(system.newID)").status == 404)
      #expect(try await system.store.root(system.newID).name == "New root")
      await #expect(throws: StoreError.self) { _ = try await system.store.rootKey(system.newID) }
    }
  }

  @Test("Never while an update to it is under way, in force, or still trusted; again once it was rolled back")
  func kept() async throws {
    try await withSystem { system in
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      try await system.settled(id)
      let running = try await remove(system, system.newID)
      #expect(running.status == 409)
      #expect(running.says("Update \(id), which brings this root, is under way."))
      #expect(try await system.browser.get("/roots/\(system.newID)/remove").status == 409)
      await #expect(throws: StoreError.self) { try await system.store.removeRoot(system.newID) }

      #expect(try await system.decide(id, .retry).outcome == .completed)
      let inForce = try await remove(system, system.newID)
      #expect(inForce.status == 409)
      #expect(inForce.says("It is in force: 2 components use a certificate of it."))

      let third = try TestRoot("Third root")
      let thirdID = try await TestSystem.add(third, "Third root", to: system.store)
      let later = try await system.start(root: thirdID)
      #expect(try await system.settled(later).outcome == .completed)
      let trusted = try await remove(system, system.newID)
      #expect(trusted.status == 409)
      #expect(trusted.says("It is still in the trust bundles of these components."))
      #expect(trusted.says("web: /srv/web/bundle.pem"))

      #expect(try await system.decide(later, .abort).outcome == .rolledBack)
      #expect(try await remove(system, thirdID).status == 303)
      #expect(try await remove(system, system.newID).status == 409)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(try await remove(system, system.newID).status == 303)
    }
  }

  @Test("The old root of an unmanaged system is kept while components present certificates of it")
  func oldRoot() async throws {
    try await withSystem { system in
      let old = try #require(try await system.store.roots().first { $0.name == "Old root" }).id
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      // Nothing on the wire depends on it any more, but Abort needs no key of it.
      let answer = try await remove(system, old)
      #expect([303, 409].contains(answer.status))
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
    }
  }
}
