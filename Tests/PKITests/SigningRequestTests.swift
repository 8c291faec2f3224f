import Foundation
import Testing

@testable import PKI

@Suite("A signing request", .timeLimit(.minutes(1)))
struct SigningRequestTests {
  private static let names: [AlternativeName] = [.dns("gateway.example"), .ip("192.0.2.1"), .ip("2001:db8::1")]

  private func root() throws -> Identity {
    try RootMaker.makeRoot(
      commonName: "Root", algorithm: .ecdsaP256, notBefore: .now - 86_400, notAfter: .now + 365 * 86_400)
  }

  private func asked(
    _ signing: SigningRequest, algorithm: KeyAlgorithm = .ecdsaP256, names: [AlternativeName] = names
  ) -> ChildRequest {
    ChildRequest(
      names: names, usage: .server, signing: signing, algorithm: algorithm, serialNumber: .random(),
      notBefore: .now - 3600, notAfter: .now + 86_400)
  }

  /// The code of the refusal of a signing request; nil when it was signed.
  private func refusal(_ request: ChildRequest, _ root: Identity) -> String? {
    do {
      _ = try Issuer(root: root.chain[0], key: root.key).sign(
        CheckedRequest(request, root: root.chain[0], now: .now))
      return nil
    } catch {
      return (error as? PKIError)?.code ?? "\(error)"
    }
  }

  @Test(
    "of every kind of key is signed for exactly that key and its names",
    arguments: [
      KeyAlgorithm.ecdsaP256, .ecdsaP384, .rsa2048, .ed25519,
    ])
  func signed(_ algorithm: KeyAlgorithm) throws {
    let (root, key) = (try root(), try PrivateKey.generate(algorithm))
    let signing = try SigningRequest(der: SigningRequest.make(names: Self.names, key: key))
    let certificate = try Issuer(root: root.chain[0], key: root.key).sign(
      CheckedRequest(asked(signing, algorithm: algorithm), root: root.chain[0], now: .now))
    #expect(key.matches(certificate))
    #expect(certificate.subjectAlternativeNames == Self.names.map(\.description))
    #expect(certificate.keyDescription == algorithm.label)
  }

  @Test("that openssl made is read, and signed when it asks for the names, in whatever order")
  func foreign() throws {
    let workshop = try PFXWorkshop()
    try workshop.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem")
    func request(_ subject: String, _ names: String) throws -> SigningRequest {
      try workshop.openssl([
        "req", "-new", "-key", "k.pem", "-subj", subject, "-addext", "subjectAltName=\(names)", "-outform", "DER",
        "-out", "r.der",
      ])
      return try SigningRequest(der: workshop.read("r.der"))
    }
    let root = try root()
    let right = "IP:2001:db8::1,DNS:gateway.example,IP:192.0.2.1"
    #expect(refusal(asked(try request("/", right)), root) == nil)
    #expect(refusal(asked(try request("/CN=other.example", right)), root) == "REQUEST_NAMES")
    for wrong in [
      "DNS:gateway.example,IP:192.0.2.1", right + ",DNS:more.example", right + ",DNS:gateway.example",
      right + ",email:a@gateway.example", "IP:2001:db8::1,DNS:gateway.example,IP:192.0.2.2",
      "IP:2001:db8::1,DNS:192.0.2.1,DNS:gateway.example", "URI:https://gateway.example",
    ] {
      #expect(refusal(asked(try request("/", wrong)), root) == "REQUEST_NAMES", "\(wrong)")
    }
  }

  @Test("without names is refused")
  func nameless() throws {
    let workshop = try PFXWorkshop()
    try workshop.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out k.pem")
    try workshop.openssl(["req", "-new", "-key", "k.pem", "-subj", "/", "-outform", "DER", "-out", "r.der"])
    #expect(refusal(asked(try SigningRequest(der: workshop.read("r.der"))), try root()) == "REQUEST_NAMES")
  }

  @Test("with a key of another kind or strength than the component's is refused")
  func otherKey() throws {
    let root = try root()
    for (made, wanted) in [
      (KeyAlgorithm.rsa2048, KeyAlgorithm.rsa3072), (.ecdsaP256, .ecdsaP384), (.ed25519, .ecdsaP256),
    ] {
      let der = try SigningRequest.make(names: Self.names, key: .generate(made))
      #expect(refusal(asked(try SigningRequest(der: der), algorithm: wanted), root) == "REQUEST_KEY")
    }
  }

  @Test("whose signature was made by another key is refused, and no changed byte leads to a certificate")
  func forged() throws {
    let root = try root()
    let (one, other) = (try PrivateKey.generate(.ecdsaP256), try PrivateKey.generate(.ecdsaP256))
    let (mine, theirs) = (
      try SigningRequest.make(names: Self.names, key: one), try SigningRequest.make(names: Self.names, key: other)
    )
    // The key of one in the request of the other: the two differ in nothing else but the signature.
    let key = Array(one.spki.suffix(64))
    let place = try #require((0...(theirs.count - 64)).first { Array(theirs[$0..<($0 + 64)]) == other.spki.suffix(64) })
    let forged = Array(theirs[..<place]) + key + Array(theirs[(place + 64)...])
    #expect(refusal(asked(try SigningRequest(der: forged)), root) == "REQUEST_SIGNATURE")
    for index in mine.indices {
      var damaged = mine
      damaged[index] ^= 0x41
      guard let signing = try? SigningRequest(der: damaged) else { continue }
      #expect(refusal(asked(signing), root) != nil, "byte \(index)")
    }
  }

  @Test("that is none, is cut, is followed by something or is too long is refused without a crash")
  func malformed() throws {
    let der = try SigningRequest.make(names: Self.names, key: .generate(.ecdsaP256))
    var rows = [[], [0x30], Array("-----BEGIN CERTIFICATE REQUEST-----".utf8), der + [0]]
    rows.append([UInt8](repeating: 0x30, count: SigningRequest.maximumBytes + 1))
    rows += stride(from: 1, to: der.count, by: 7).map { Array(der.prefix($0)) }
    for row in rows {
      #expect { try SigningRequest(der: row) } throws: { ($0 as? PKIError)?.code == "REQUEST_MALFORMED" }
    }
  }

  @Test("for the root's own key is refused, and one that was checked for another root is not signed")
  func rootKey() throws {
    let (root, other) = (try root(), try root())
    let signing = try SigningRequest(der: SigningRequest.make(names: Self.names, key: root.key))
    #expect(refusal(asked(signing), root) == "PROFILE_ROOT_KEY")
    #expect(throws: PKIError.self) {
      try Issuer(root: other.chain[0], key: other.key).sign(
        CheckedRequest(
          asked(SigningRequest(der: SigningRequest.make(names: Self.names, key: .generate(.ecdsaP256)))),
          root: root.chain[0], now: .now))
    }
  }
}

extension PrivateKey {
  /// The public half as a SubjectPublicKeyInfo, as a certificate of its own holds it.
  fileprivate var spki: [UInt8] {
    let identity = try? RootMaker.makeRoot(
      commonName: "x", organization: nil, key: self, notBefore: .now - 60, notAfter: .now + 60)
    guard let der = identity?.chain.first?.der else { return [] }
    // The point of a P-256 key: 04 and 64 bytes, after the BIT STRING's header 03 42 00.
    let head: [UInt8] = [0x03, 0x42, 0x00, 0x04]
    guard let place = der.indices.dropLast(68).first(where: { Array(der[$0..<($0 + 4)]) == head }) else { return [] }
    return Array(der[(place + 4)..<(place + 68)])
  }
}
