import Foundation
import Testing

@testable import PKI

@Suite("A password hash")
struct SecretsPasswordHashTests {
  private static let quick = try? ScryptParameters(logarithmOfN: 10, blockSize: 8, parallelisation: 1)

  @Test("tells the right password from every other one")
  func verifies() throws {
    let hash = try PasswordHash.make(SecretBytes(utf8: "Grüße, Welt"), parameters: #require(Self.quick))
    #expect(try hash.verify(SecretBytes(utf8: "Grüße, Welt")))
    for wrong in ["", "Grüße, Welt ", "grüße, Welt", "Grüße, Wel", "Grüße, Welt\0"] {
      #expect(try !hash.verify(SecretBytes(utf8: wrong)), "\(wrong)")
    }
    #expect(try !hash.verify(SecretBytes([UInt8](repeating: 97, count: 1025))))
  }

  @Test("of none is of no password, is another one each time, and costs as much to verify as a new one")
  func none() throws {
    let hash = try PasswordHash.ofNone()
    #expect(hash.parameters == .current && !hash.isOutdated)
    #expect(try PasswordHash.ofNone() != hash)
    for wrong in ["", "password"] { #expect(try !hash.verify(SecretBytes(utf8: wrong))) }
  }

  @Test("survives its text form and JSON, and is salted")
  func roundTrip() throws {
    let password = SecretBytes(utf8: "p")
    let hash = try PasswordHash.make(password, parameters: #require(Self.quick))
    #expect(hash.text.hasPrefix("$scrypt$ln=10,r=8,p=1$"))
    #expect(hash.isOutdated)
    #expect(try PasswordHash(text: hash.text) == hash)
    #expect(try JSONDecoder().decode([PasswordHash].self, from: JSONEncoder().encode([hash])) == [hash])
    #expect(try PasswordHash.make(password, parameters: #require(Self.quick)) != hash)
    #expect("\(hash)" == "[redacted]")
  }

  @Test("agrees with RFC 7914's third test vector")
  func knownAnswer() throws {
    // Section 12: password "pleaseletmein", salt "SodiumChloride", N = 16384, r = 8, p = 1. The salt has 14 bytes where
    // stored hashes have 16, so the vector is checked below the text form.
    let parameters = try ScryptParameters(logarithmOfN: 14, blockSize: 8, parallelisation: 1)
    let hash = try PasswordHash.derive(
      SecretBytes(utf8: "pleaseletmein"), salt: Array("SodiumChloride".utf8), parameters: parameters)
    #expect(Hexadecimal.text(hash) == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2")
  }

  @Test("costs at most 64 MiB, and new ones neither a blink nor a wait")
  func cost() throws {
    #expect(ScryptParameters.current.memory <= 64 << 20)
    let hash = try PasswordHash.make(SecretBytes(utf8: "p"))
    #expect(!hash.isOutdated)
    let clock = ContinuousClock()
    let time = try clock.measure { _ = try hash.verify(SecretBytes(utf8: "p")) }
    #expect(time > .milliseconds(20))
    #expect(time < .seconds(5))
  }

  @Test(
    "refuses parameters beyond its bounds", arguments: [(9, 8, 1), (17, 8, 1), (16, 9, 1), (15, 17, 1), (15, 8, 5)])
  func bounds(power: Int, size: Int, times: Int) {
    #expect(throws: PKIError.self) {
      try ScryptParameters(logarithmOfN: power, blockSize: size, parallelisation: times)
    }
  }

  @Test(
    "refuses an empty or endless password, and one with a NUL",
    arguments: ["", String(repeating: "a", count: 1025), "a\0"])
  func passwords(text: String) {
    #expect { try PasswordHash.make(SecretBytes(utf8: text)) } throws: { error in
      (error as? PKIError)?.code == "PASSWORD_INVALID"
    }
  }

  @Test(
    "refuses a stored text that is not one of its own",
    arguments: [
      "", "$", "scrypt", "$scrypt$ln=15,r=8,p=1$AAAA$AAAA",
      "$scrypt$ln=99,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=15,r=8$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=-1,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
      "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA$",
      "$argon2id$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ])
  func malformed(text: String) {
    #expect { try PasswordHash(text: text) } throws: { ($0 as? PKIError)?.code == "PASSWORD_HASH_INVALID" }
  }
}
