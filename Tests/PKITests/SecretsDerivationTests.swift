import Foundation
import Testing

@testable import PKI

@Suite("A master key from a passphrase")
struct SecretsDerivationTests {
  @Test("is the same for the same passphrase and salt, also after being written and read, and another one otherwise")
  func derivation() throws {
    let first = try MasterKeyDerivation.generate()
    let read = try MasterKeyDerivation(text: first.text)
    #expect(read == first)
    let key = try first.key(of: SecretBytes(utf8: "a passphrase"))
    #expect(try read.key(of: SecretBytes(utf8: "a passphrase")) == key)
    #expect(try first.key(of: SecretBytes(utf8: "a passphrasf")) != key)
    #expect(try MasterKeyDerivation.generate().key(of: SecretBytes(utf8: "a passphrase")) != key)
  }

  @Test("follows the known answer of another implementation")
  func knownAnswer() throws {
    // Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChlorideNa", n=16384, r=8, p=1, dklen=32)
    let derivation = try MasterKeyDerivation(text: "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGVOYQ")
    let key = try derivation.key(of: SecretBytes(utf8: "pleaseletmein"))
    #expect(
      key.withBytes { Hexadecimal.text(Array($0)) }
        == "697d12d7a2eaedf071c99af1444d8e043c42d93dd282982123e071b0ff4d5262")
  }

  @Test(
    "is refused where what was kept of it cannot be meant",
    arguments: [
      "", "$scrypt$ln=13,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=21,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=17,r=7,p=1$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=20,r=9,p=1$AAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=17,r=8,p=0$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=17,r=8,p=1$AAAA", "$scrypt$ln=17,r=8,p=1$",
    ])
  func malformed(text: String) {
    #expect(throws: PKIError.self) { try MasterKeyDerivation(text: text) }
  }
}
