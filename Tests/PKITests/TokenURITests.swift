import Foundation
import Testing

@testable import PKI

@Suite("The address of a key in a hardware module (RFC 7512)")
struct TokenURITests {
  @Test("is read, with its escapes")
  func reading() throws {
    let uri = try TokenURI(
      "pkcs11:token=Root%20CA%3b;serial=0a1;manufacturer=M;model=N;object=k%C3%A9y;id=%00%01Z;type=private")
    #expect(uri.token == "Root CA;")
    #expect(uri.serial == "0a1")
    #expect(uri.manufacturer == "M")
    #expect(uri.model == "N")
    #expect(uri.object == "kéy")
    #expect(uri.id == [0, 1, UInt8(ascii: "Z")])
    #expect(try JSONDecoder().decode(TokenURI.self, from: JSONEncoder().encode(uri)) == uri)
  }

  @Test(
    "is refused where it names nothing, or holds what must not be in it",
    arguments: [
      ("", "begins with"), ("http://x", "begins with"), ("pkcs11:", "names no token"),
      ("pkcs11:object=k", "names no token"),
      ("pkcs11:token=T", "names no key"), ("pkcs11:token=T;object=k;", "no NAME=VALUE"),
      ("pkcs11:token=T;object", "no NAME=VALUE"), ("pkcs11:token=T;object=%4", "no NAME=VALUE"),
      ("pkcs11:token=T;object=%zz", "no NAME=VALUE"), ("pkcs11:token=T;object=%FF", "no text in UTF-8"),
      ("pkcs11:token=;object=k", "no text in UTF-8"), ("pkcs11:token=T%00;object=k", "no text in UTF-8"),
      ("pkcs11:token=T;token=U;object=k", "twice"), ("pkcs11:token=T;object=k;type=cert", "and not “private”"),
      ("pkcs11:token=T;object=k;slot-id=1", "says nothing"), ("pkcs11:token=T;object=k?pin-value=1", "holds the PIN"),
      ("pkcs11:token=T;object=k?pin-source=file:/x", "holds the PIN"),
      ("pkcs11:token=T;object=k?\u{301}pin-value=1", "its own field"),
      ("pkcs11:token=T;\u{301}slot-id=1;object=k", "says nothing"),
      ("pkcs11:token=T;object=k?module-path=/x.so", "its own field"),
      ("pkcs11:token=T;object=k?module-name=x", "its own field"),
      ("pkcs11:token=T;object=" + String(repeating: "k", count: 1024), "1024 characters"),
    ])
  func refusals(text: String, reason: String) {
    let error = #expect(throws: PKIError.self) { try TokenURI(text) }
    #expect(error?.code == "TOKEN_URI_INVALID")
    #expect(error?.sentence.contains(reason) == true, "\(error?.sentence ?? "")")
  }

  @Test("An order with its PIN is read as it was written", arguments: ["", "1234", "a\nb\0c"])
  func order(pin: String) throws {
    let order = TokenOrder(
      module: "/x.so", uri: try TokenURI("pkcs11:token=T;object=k"), mechanism: .ecdsa, data: Data([1, 2, 3]))
    let (read, secret) = try TokenOrder.read(order.message(pin: SecretBytes(utf8: pin)))
    #expect(read.module == order.module && read.uri == order.uri && read.data == order.data)
    #expect(read.mechanism == .ecdsa)
    #expect(secret == SecretBytes(utf8: pin))
    for text in ["", "{}\n1", "no line"] {
      #expect(throws: PKIError.self) { try TokenOrder.read(SecretBytes(utf8: text)) }
    }
  }

  /// A key that is in memory, and signs as a token does: what it is given, and nothing else.
  private func token(_ algorithm: KeyAlgorithm) throws -> (root: Certificate, key: PrivateKey) {
    let root = try RootMaker.makeRoot(
      commonName: "R", algorithm: algorithm, notBefore: Date() - 60, notAfter: Date() + 86_400)
    return (root.chain[0], root.key)
  }

  @Test("A key of a kind that tokens do not sign with here is refused")
  func unsuited() throws {
    let (root, _) = try token(.ed25519)
    let error = #expect(throws: PKIError.self) { try TokenKey(root: root) { _, data in data } }
    #expect(error?.code == "TOKEN_KEY_UNSUITED")
  }

  @Test(
    "What a token answers is not believed: neither another key's signature nor anything else makes an issuer",
    arguments: [0, 1, 63, 64, 65, 256])
  func wrongAnswers(count: Int) throws {
    for algorithm in [KeyAlgorithm.ecdsaP256, .rsa2048] {
      let (root, _) = try token(algorithm)
      let key = try TokenKey(root: root) { _, _ in Data(repeating: 7, count: count) }
      #expect(throws: PKIError.self) { try Issuer(root: root, key: key) }
    }
  }
}
