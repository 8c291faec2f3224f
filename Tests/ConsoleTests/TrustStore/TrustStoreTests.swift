import Foundation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("The trust store", .timeLimit(.minutes(2))) struct TrustStoreTests {
  private func addAuthorities(_ browser: Browser, pem: String = "", file: FilePart? = nil) async throws -> Answer {
    let page = try await browser.get("/trust-store/authorities/add")
    return try await browser.submit(page, nil, ["pem": pem], files: file.map { [("file", $0)] } ?? [])
  }

  private func addServer(
    _ browser: Browser, name: String = "Served", _ files: [(String, FilePart)], password: String = ""
  ) async throws -> Answer {
    let page = try await browser.get("/trust-store/certificates/add")
    return try await browser.submit(page, nil, ["name": name, "password": password], files: files)
  }

  @Test("Authorities are added from PEM, from DER, many at once, and each only once")
  func authorities() async throws {
    try await withBrowser { console, browser in
      let roots = try ["A", "B", "C"].map { try TestRoot($0) }
      let pem = try await addAuthorities(browser, pem: roots[0].identity.chainPEM)
      #expect(try await browser.follow(pem).says("1 authority was added."))
      let der = try await addAuthorities(browser, file: FilePart("b.der", roots[1].certificate.der))
      #expect(try await browser.follow(der).says("1 authority was added."))
      let all = roots.map(\.identity.chainPEM).joined(separator: "between them stands some text\n")
      let many = try await addAuthorities(browser, file: FilePart("all.pem", all))
      #expect(try await browser.follow(many).says("1 authority was added; 2 already there."))
      #expect(try await console.store.authorities().count == 3)
      let id = try #require(try await console.store.authorities().first).id
      let page = try await browser.get("/trust-store/authorities/\(id)/remove")
      #expect(try await browser.submit(page, nil, ["reason": "It is retired."]).status == 303)
      #expect(try await console.store.authorities().count == 2)
    }
  }

  @Test(
    "What is no authority, no certificate, or nothing at all is refused, and nothing of it is added",
    arguments: [
      "child", "both", "noise", "cut", "nothing", "key",
    ])
  func notAnAuthority(_ kind: String) async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("R")
      let child = try root.child(["a.example"])
      let text: String
      switch kind {
      case "child": text = child.chainPEM
      case "both": text = root.identity.chainPEM + child.chainPEM
      case "noise": text = "this is no certificate"
      case "cut": text = String(root.identity.chainPEM.prefix(200))
      case "key": text = try child.keyPEM
      default: text = " \n"
      }
      let answer = try await addAuthorities(browser, pem: text)
      #expect(answer.status == 422)
      #expect(!answer.errorFields.isEmpty)
      if kind == "child" || kind == "both" { #expect(answer.says("is not an authority")) }
      if kind == "key" {
        // A page is no place for a key.
        #expect(!answer.says("PRIVATE KEY"))
      } else if kind != "nothing" {
        #expect(try answer.form().value("pem")?.isEmpty == false)
      }
      #expect(try await console.store.authorities().isEmpty)
    }
  }

  @Test("A server certificate is added from a PFX file and from a pair of PEM files in any order")
  func serverCertificates() async throws {
    try await withBrowser { console, browser in
      let root = try TestRoot("R")
      let child = try root.child(["console.example"])
      let pfx = try PFX.make(
        identity: Identity(chain: child.chain + [root.certificate], key: child.key), friendlyName: "x",
        password: SecretBytes(utf8: "geheim"))
      #expect(
        try await addServer(browser, name: "One", [("file", FilePart("a.pfx", pfx))], password: "geheim").status == 303)
      let pair = [
        ("certificate", FilePart("chain.pem", root.identity.chainPEM + child.chainPEM)),
        ("key", FilePart("key.pem", try child.keyPEM)),
      ]
      #expect(try await addServer(browser, name: "Two", pair).status == 303)
      let records = try await console.store.serverCertificates()
      #expect(records.map(\.name).sorted() == ["One", "Two"])
      for record in records {
        // Whether the root is served too makes no difference to anybody.
        #expect(record.chain.first == child.chain[0])
        #expect(record.chain.dropFirst().allSatisfy { $0 == root.certificate })
      }
      let again = try await addServer(browser, name: "Two", pair)
      #expect(again.status == 422)
      #expect(again.error(of: "name") != nil)
      #expect(!again.has("PRIVATE KEY"))
    }
  }

  /// What is wrong with a server certificate, where that is said, and a part of the sentence.
  static let rows: [(kind: String, field: String, sentence: String)] = [
    ("mismatch", "key", "belongs to none of the certificates"), ("expired", "certificate", "expired on"),
    ("future", "certificate", "valid only from"), ("authority", "certificate", "certificate of an authority"),
    ("no names", "certificate", "names no host or address"), ("no key", "key", "Choose the file of the key"),
    ("no certificate", "certificate", "Choose the file of the certificate"), ("nothing", "file", "Choose a PFX file"),
    ("wrong password", "password", ""), ("no pfx", "file", ""), ("noise as a key", "key", ""),
    ("no name", "name", "1 to 64"),
  ]

  @Test("What cannot serve HTTPS is refused with a sentence at its field", arguments: rows)
  func refusedServer(_ kind: String, _ field: String, _ sentence: String) async throws {
    try await withBrowser { console, browser in
      let (files, password) = try Self.files(kind)
      let answer = try await addServer(browser, name: kind == "no name" ? " " : "x", files, password: password)
      #expect(answer.status == 422)
      let said = try #require(answer.error(of: field), "\(answer.errorFields)")
      #expect(sentence.isEmpty ? !said.isEmpty : said.contains(sentence))
      #expect(!answer.has("PRIVATE KEY-----\nM"))
      #expect(try await console.store.serverCertificates().isEmpty)
    }
  }

  private static func files(_ kind: String) throws -> (files: [(String, FilePart)], password: String) {
    let root = try TestRoot("R")
    let good = try root.child(["a.example"])
    func pair(_ identity: Identity, key: String? = nil) throws -> [(String, FilePart)] {
      [("certificate", FilePart("c.pem", identity.chainPEM)), ("key", FilePart("k.pem", try key ?? identity.keyPEM))]
    }
    switch kind {
    case "mismatch": return (try pair(good, key: try root.child(["b.example"]).keyPEM), "")
    case "expired": return (try pair(selfSigned(from: -20, to: -1)), "")
    case "future": return (try pair(selfSigned(from: 1, to: 20)), "")
    case "authority": return (try pair(root.identity), "")
    case "no names":
      let key = try PrivateKey.generate(.ecdsaP256)
      let certificate = try CertificateTemplate(
        serialNumber: .random(), commonName: "nameless", notBefore: TestClock.start - 9, notAfter: TestClock.start + 9,
        publicKeyOf: key
      ).signed(by: key)
      return (try pair(Identity(chain: [certificate], key: key)), "")
    case "no key": return (Array(try pair(good).prefix(1)), "")
    case "no certificate": return (Array(try pair(good).suffix(1)), "")
    case "wrong password":
      let pfx = try PFX.make(identity: good, friendlyName: "x", password: SecretBytes(utf8: "a"))
      return ([("file", FilePart("a.pfx", pfx))], "b")
    case "no pfx": return ([("file", FilePart("a.pfx", "hello"))], "b")
    case "noise as a key": return (try pair(good, key: "hello"), "")
    case "no name": return (try pair(good), "")
    default: return ([], "")
    }
  }

  private static func selfSigned(from: TimeInterval, to: TimeInterval) throws -> Identity {
    try SelfSigned.consoleIdentity(
      names: [.dns("a.example")], notBefore: TestClock.start + from, notAfter: TestClock.start + to)
  }

  @Test("The certificate that serves HTTPS cannot be removed, another one can")
  func inUse() async throws {
    try await withSystem { system in
      let server = try system.old.child(["console.example"])
      for name in ["Served", "Spare"] {
        _ = try await system.store.addServerCertificate(
          name: name, chain: server.chain, key: try server.key.pkcs8PEM(), by: "ada")
      }
      let records = try await system.store.serverCertificates()
      let served = try #require(records.first { $0.name == "Served" }?.id)
      let spare = try #require(records.first { $0.name == "Spare" }?.id)
      let form = try await system.browser.get("/roots/\(system.newID)/update")
      let plan = try await system.browser.follow(
        system.browser.submit(form, "/plans", ["https": "trustStore", "serverCertificate": "\(served)"]))
      #expect(plan.says("From the trust store: Served"))
      #expect(try await system.browser.submit(plan, "/updates").status == 303)
      let id = try #require(try await system.store.updates().first).id
      #expect(try await system.settled(id).outcome == .completed)
      #expect(system.console.console.services.https.current.chain == server.chain)

      let path = "/trust-store/certificates/\(served)/remove"
      #expect(try await system.browser.get(path).status == 409)
      let forced = try await system.browser.post(path, [("csrf", try await system.browser.token())])
      #expect(forced.status == 409)
      #expect(forced.says("This console serves HTTPS with it."))
      let other = try await system.browser.get("/trust-store/certificates/\(spare)/remove")
      #expect(try await system.browser.submit(other, nil, ["reason": "It is spare."]).status == 303)
      #expect(try await system.store.serverCertificates().map(\.name) == ["Served"])
    }
  }
}
