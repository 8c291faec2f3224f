import Foundation
import Testing

@testable import PKI

@Suite("A PKCS#12 store of a Java service", .timeLimit(.minutes(1)))
struct PFXStoreTests {
  private static let password = SecretBytes(utf8: "changeit")

  private func root(_ name: String) throws -> Identity {
    try RootMaker.makeRoot(
      commonName: name, algorithm: .ecdsaP256, notBefore: .now - 3600, notAfter: .now + 86_400)
  }

  @Test("that holds a key gives back its alias, its chain and the key that was put in")
  func keyStore() throws {
    let identity = try root("Service")
    let bytes = try PFX.make(
      identity: identity, friendlyName: "mykey", password: Self.password, iterations: PFX.storeIterations)
    let store = try PFXStore(bytes, password: Self.password)
    #expect(store.keyCount == 1 && store.otherCount == 0 && store.trusted.isEmpty)
    #expect(store.key?.alias == "mykey")
    #expect(store.key?.identity.chain == identity.chain)
    #expect(try store.key?.identity.key.pkcs8PEM() == identity.key.pkcs8PEM())
  }

  @Test("that holds trusted roots gives them back under their aliases, and no key")
  func trustStore() throws {
    let (one, other) = (try root("One").chain[0], try root("Other").chain[0])
    let bytes = try PFX.makeTrustStore(
      [.init(alias: "the first", certificate: one), .init(alias: nil, certificate: other)], password: Self.password)
    let store = try PFXStore(bytes, password: Self.password)
    #expect(store.keyCount == 0 && store.key == nil && store.otherCount == 0)
    #expect(store.trusted.map(\.certificate) == [one, other])
    #expect(store.trusted.map(\.alias) == ["the first", "root-" + other.fingerprint.hex.prefix(16)])
  }

  @Test("gives every root an alias of its own, though two ask for the same one in other letters")
  func aliases() throws {
    let roots = try (1...3).map { try root("Root \($0)").chain[0] }
    let bytes = try PFX.makeTrustStore(
      zip(roots, ["ca", "CA", ""]).map { .init(alias: $1, certificate: $0) } + [
        .init(alias: nil, certificate: roots[1])
      ],
      password: Self.password)
    let aliases = try PFXStore(bytes, password: Self.password).trusted.compactMap(\.alias)
    #expect(Set(aliases.map { $0.lowercased() }).count == 4, "\(aliases)")
    #expect(aliases.first == "ca")
  }

  @Test("trusts no certificate without Java's attribute, just as Java does not")
  func withoutAttribute() throws {
    let workshop = try PFXWorkshop()
    _ = try workshop.material()
    try workshop.openssl(
      ["pkcs12", "-export", "-nokeys", "-in", "root.crt", "-out", "trust.p12", "-passout", "pass:changeit"])
    let store = try PFXStore(try workshop.read("trust.p12"), password: Self.password)
    #expect(store.trusted.isEmpty && store.keyCount == 0)
  }

  @Test("opens with openssl, too, which shows the attribute of each root")
  func openssl() throws {
    let workshop = try PFXWorkshop()
    let bytes = try PFX.makeTrustStore(
      [.init(alias: "ca", certificate: try root("One").chain[0])], password: Self.password)
    try Data(bytes).write(to: workshop.folder.appendingPathComponent("trust.p12"))
    try workshop.openssl(
      ["pkcs12", "-in", "trust.p12", "-passin", "pass:changeit", "-nokeys", "-out", "trust.txt"])
    let text = String(decoding: try workshop.read("trust.txt"), as: UTF8.self)
    #expect(text.contains("friendlyName: ca"))
    #expect(
      text.contains("2.16.840.1.113894.746875.1.1: <Unsupported tag 6>") || text.contains("Any Extended Key Usage"))
  }

  @Test("refuses a wrong password, and bytes that were changed, at every place where they say something")
  func refused() throws {
    let bytes = try PFX.makeTrustStore(
      [.init(alias: "ca", certificate: try root("One").chain[0])], password: Self.password)
    #expect(throws: PFXRefusal.self) { try PFXStore(bytes, password: SecretBytes(utf8: "changeIt")) }
    let whole = try PFXStore(bytes, password: Self.password)
    var accepted = 0
    for index in stride(from: 0, to: bytes.count, by: 37) {
      var damaged = bytes
      damaged[index] ^= 0x5A
      // The parameters of the MAC's digest algorithm say nothing (RFC 7292, section 4), and are not looked at.
      let kept = try? PFXStore(damaged, password: Self.password)
      #expect(kept == nil || kept?.trusted.map(\.certificate) == whole.trusted.map(\.certificate), "byte \(index)")
      accepted += kept == nil ? 0 : 1
    }
    #expect(accepted <= 1)
    #expect(throws: PKIError.self) { try PFX.makeTrustStore([], password: SecretBytes(utf8: "")) }
  }
}
