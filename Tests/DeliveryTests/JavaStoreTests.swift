import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("The stores of a Java service", .timeLimit(.minutes(1)))
struct JavaStoreTests {
  /// A component with a key store and a trust store in a folder of its own, under the password `changeit`.
  struct Sample {
    let folder: TestFolder
    let authority: TestAuthority
    let identity: Identity
    var component: Component

    init() throws {
      folder = try TestFolder()
      authority = try TestAuthority()
      identity = try authority.child()
      component = Component(
        id: .init(rawValue: 1), name: "Orders", names: [.dns("localhost")],
        files: FileLayout(
          keyStore: folder.path("keys.p12"), trustStore: folder.path("trust.p12"),
          storePasswordFile: folder.path("password")), verificationTimeLimit: 1)
      try folder.write("changeit\n", to: "password", mode: 0o600)
      try write(PFX.make(identity: identity, friendlyName: "tomcat", password: Self.password), "keys.p12", 0o640)
      try write(
        PFX.makeTrustStore([.init(alias: "house ca", certificate: authority.certificate)], password: Self.password),
        "trust.p12", 0o604)
    }

    static let password = SecretBytes(utf8: "changeit")

    func write(_ bytes: [UInt8], _ name: String, _ mode: mode_t = 0o600) throws {
      try Data(bytes).write(to: URL(fileURLWithPath: folder.path(name)))
      chmod(folder.path(name), mode)
    }

    func store(_ name: String) throws -> PFXStore {
      try PFXStore([UInt8](Data(contentsOf: URL(fileURLWithPath: folder.path(name)))), password: Self.password)
    }

    var delivery: ComponentDelivery { ComponentDelivery(component: component, access: .local()) }

    func inspect(knownRoots: [Certificate] = []) async -> (findings: Findings, snapshot: [SnapshotFile]) {
      await delivery.inspect(knownRoots: knownRoots, now: Date())
    }
  }

  @Test("are read by an inspection as PEM files are: root, trust, end, and no problem; the password is not kept")
  func inspection() async throws {
    let sample = try Sample()
    let (findings, snapshot) = await sample.inspect()
    #expect(findings.problems == [])
    #expect(findings.presents == sample.authority.rootKey && findings.accepts == [sample.authority.rootKey])
    #expect(findings.previousNotAfter == sample.identity.chain[0].notAfter)
    #expect(findings.files.map(\.role) == [.keyStore, .trustStore])
    #expect(snapshot.map(\.file.path) == [sample.folder.path("keys.p12"), sample.folder.path("trust.p12")])
    #expect(try await sample.delivery.bundleNow() == [sample.authority.certificate])
    #expect(try await sample.delivery.deployedLeaf() == sample.identity.chain[0])
    #expect(try await sample.delivery.bundle(in: snapshot[1]) == [sample.authority.certificate])
    #expect(try await sample.delivery.bundle(in: snapshot[0]) == [])
    let told = "\(findings)"
    #expect(!told.contains("changeit"))
  }

  @Test("are deployed with the key's alias as it was, the known root's too, and the modes that are configured")
  func deploy() async throws {
    let sample = try Sample()
    let next = try TestAuthority("Next Root")
    let identity = try TestAuthority.child(of: try next.intermediate())
    let bundle = [sample.authority.certificate, next.certificate]
    try await sample.delivery.deployTrust(bundle: bundle)
    #expect(try sample.store("keys.p12").key?.identity.chain == sample.identity.chain)
    try await sample.delivery.deploy(chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: bundle)
    let keys = try sample.store("keys.p12")
    #expect(keys.key?.alias == "tomcat" && keys.key?.identity.chain.first == identity.chain.first)
    #expect(try keys.key?.identity.key.pkcs8PEM() == identity.key.pkcs8PEM())
    let trust = try sample.store("trust.p12").trusted
    #expect(trust.map(\.certificate) == bundle)
    #expect(trust.map(\.alias) == ["house ca", "root-" + next.certificate.fingerprint.hex.prefix(16)])
    #expect(
      try sample.folder.picture().mapValues(\.mode) == [
        "keys.p12": 0o100600, "trust.p12": 0o100644, "password": 0o100600,
      ])
    let (findings, _) = await sample.inspect(knownRoots: bundle)
    #expect(findings.problems == [] && findings.presents == next.rootKey)
    #expect(try await sample.delivery.verify(expected: identity.chain[0], root: next.certificate, previous: nil) == [])
    #expect(
      await code {
        _ = try await sample.delivery.verify(
          expected: sample.identity.chain[0], root: sample.authority.certificate, previous: nil)
      } == "FILES_NOT_AS_DEPLOYED")
  }

  @Test("that were not there are made, the key under the component's name, and are gone after restoring")
  func fresh() async throws {
    let sample = try Sample()
    for name in ["keys.p12", "trust.p12"] { unlink(sample.folder.path(name)) }
    let before = try sample.folder.picture()
    let (findings, snapshot) = await sample.inspect()
    #expect(findings.problems == [] && findings.accepts == [])
    let identity = try sample.authority.child()
    try await sample.delivery.deploy(
      chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    #expect(try sample.store("keys.p12").key?.alias == "Orders")
    try await sample.delivery.restore(snapshot, roles: Set(FileLayout.Role.allCases))
    #expect(try sample.folder.picture() == before)
  }

  @Test("are restored byte for byte")
  func restore() async throws {
    let sample = try Sample()
    let before = try sample.folder.picture()
    let (_, snapshot) = await sample.inspect()
    let identity = try sample.authority.child()
    try await sample.delivery.deploy(
      chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    try await sample.delivery.restore(snapshot, roles: FileLayout.Role.identity)
    #expect(try sample.folder.picture()["keys.p12"] == before["keys.p12"])
    #expect(try sample.folder.picture()["trust.p12"] != before["trust.p12"])
    try await sample.delivery.restore(snapshot, roles: FileLayout.Role.trust)
    #expect(try sample.folder.picture() == before)
    try await sample.delivery.verifyRestored(snapshot, served: [])
  }

  /// Something that is wrong with the stores, and what is said of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let words: String
    let make: @Sendable (Sample) throws -> Void
    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(name: "a JKS store", code: "STORE_IS_JKS", words: "-importkeystore") {
      try $0.write([0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2], "keys.p12")
    },
    Fault(name: "a JCEKS store", code: "STORE_IS_JCEKS", words: "-deststoretype pkcs12") {
      try $0.write([0xCE, 0xCE, 0xCE, 0xCE, 0, 0, 0, 2], "keys.p12")
    },
    Fault(name: "another password", code: "STORE_PASSWORD_WRONG", words: "does not open the store") {
      try $0.folder.write("Changeit\n", to: "password")
    },
    Fault(name: "no password file", code: "STORE_PASSWORD_MISSING", words: "does not exist") {
      unlink($0.folder.path("password"))
    },
    Fault(name: "an empty password file", code: "STORE_PASSWORD_EMPTY", words: "first line") {
      try $0.folder.write("\nchangeit\n", to: "password")
    },
    Fault(name: "a password beyond ASCII", code: "STORE_PASSWORD_NOT_ASCII", words: "ASCII") {
      try $0.folder.write("schlüssel\n", to: "password")
    },
    Fault(name: "a store that is cut", code: "STORE_UNREADABLE", words: "damaged") {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: $0.folder.path("keys.p12")))
      try $0.write([UInt8](bytes.prefix(bytes.count / 2)), "keys.p12")
    },
    Fault(name: "an empty store", code: "STORE_UNREADABLE", words: "no PKCS#12 store") { try $0.write([], "keys.p12") },
    Fault(name: "PEM text", code: "STORE_UNREADABLE", words: "no PKCS#12 store") {
      try $0.folder.write($0.identity.chainPEM, to: "keys.p12")
    },
    Fault(name: "a trust store in the place of a key store", code: "STORE_HOLDS_MORE", words: "trusted certificates") {
      try $0.write(
        PFX.makeTrustStore([.init(alias: nil, certificate: $0.authority.certificate)], password: Sample.password),
        "keys.p12")
    },
    Fault(name: "a key in the trust store", code: "STORE_HOLDS_MORE", words: "a private key") {
      try $0.write(PFX.make(identity: $0.identity, friendlyName: "x", password: Sample.password), "trust.p12")
    },
  ]

  @Test("that cannot be replaced are a problem that forbids the start, and nothing is deployed", arguments: faults)
  func fault(row: Fault) async throws {
    let sample = try Sample()
    try row.make(sample)
    let before = try sample.folder.picture()
    let problems = await sample.inspect().findings.problems
    let problem = try #require(problems.first { $0.code == row.code }, "\(problems)")
    #expect(problem.isBlocking && "\(problem.sentence) \(problem.advice)".contains(row.words), "\(problem)")
    #expect(!"\(problems)".contains("changeit"))
    let identity = try sample.authority.child()
    let failed = await code {
      try await sample.delivery.deploy(
        chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    }
    #expect(failed == row.code)
    #expect(try sample.folder.picture() == before)
  }

  @Test("may have a password file with a line end of Windows, or with none")
  func lineEnds() async throws {
    for text in ["changeit", "changeit\r\n", "changeit\n\nanything"] {
      let sample = try Sample()
      try sample.folder.write(text, to: "password")
      #expect(await sample.inspect().findings.problems == [], "\(text)")
    }
  }

  @Test("tell when the served certificate is another than the one in the store")
  func servesOther() async throws {
    var sample = try Sample()
    let server = try TestListener.tls(try sample.authority.child())
    sample.component.endpoints = [Endpoint(host: "127.0.0.1", port: server.port)]
    #expect(await sample.inspect().findings.problems.map(\.code) == ["SERVES_OTHER_THAN_FILE"])
  }
}
