import Foundation
import Testing

@testable import PKI

@Suite("A damaged PFX file is refused and never ends the process")
struct PFXDamageTests {
  /// A small file whose MAC and encryptions take one iteration each.
  private static func small(_ words: String = "") throws -> [UInt8] {
    let workshop = try PFXWorkshop()
    _ = try workshop.material()
    return try workshop.export("root", "-iter 1 -macalg sha256 \(words)")
  }

  @Test("Cut after every byte")
  func truncated() throws {
    let file = try Self.small()
    for count in 0..<file.count {
      let refusal = inspect(Array(file.prefix(count))).refusal
      #expect(["EMPTY_FILE", "NOT_PKCS12", "MALFORMED"].contains(refusal?.code ?? "accepted"), "at \(count)")
    }
  }

  @Test("One bit flipped in every byte", arguments: ["", "-keypbe NONE -certpbe NONE", "-legacy"])
  func flipped(words: String) throws {
    let file = try Self.small(words)
    let whole = try #require(inspect(file).root)
    for index in file.indices {
      var bytes = file
      bytes[index] ^= 1 << UInt8(index % 8)
      // What the MAC does not cover (the version's padding, a NULL's tag) may change without harm, the root never does.
      if let root = inspect(bytes).root { #expect(root.certificate == whole.certificate, "at \(index)") }
    }
  }

  @Test("One bit flipped in every byte of what a right MAC covers")
  func flippedUnderTheMAC() throws {
    let root = try PFXWorkshop.root()
    let safe = PFXForge.plainSafe(root.bags)
    for index in safe.indices {
      var bytes = safe
      bytes[index] ^= 1 << UInt8(index % 8)
      let found = inspect(try PFXForge.file(safes: [bytes])).root
      if let found { #expect(found.certificate.der == root.certificate, "at \(index)") }
    }
  }

  @Test("Random bytes in every place of what a right MAC covers")
  func random() throws {
    var generator = SystemRandomNumberGenerator()
    let safe = PFXForge.plainSafe(try PFXWorkshop.root().bags)
    for _ in 0..<2000 {
      var bytes = safe
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
      }
      if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
      _ = inspect(try PFXForge.file(safes: [bytes]))
    }
  }

  @Test("An RSA key whose private exponent is far larger than its modulus is not computed with")
  func hugeExponent() throws {
    let workshop = try PFXWorkshop()
    let root = try workshop.material(key: .rsa2048)
    let key = try Self.withHugeExponent(root.key)
    let clock = ContinuousClock()
    let start = clock.now
    let bytes = try PFXForge.file([PFXForge.certificateBag(root.certificate), PFXForge.keyBag(key)])
    #expect(inspect(bytes).refusal?.code == "UNSUPPORTED_KEY_TYPE")
    #expect(throws: PFXRefusal.self) {
      try PFX.readServerIdentity(bytes, password: SecretBytes(utf8: PFXForge.password))
    }
    #expect(clock.now - start < .seconds(2))
  }

  /// Rewrites an RSAPrivateKey with 400,000 bytes of exponent and without the numbers of the Chinese remainder theorem.
  private static func withHugeExponent(_ pkcs8: [UInt8]) throws -> [UInt8] {
    var outer = DERReader(SecretBytes(pkcs8))
    var info = try DERReader(inside: try outer.next())
    _ = try info.next()
    let algorithm = try info.next().withHeader.withBytes { Array($0) }
    var inner = DERReader(try info.next().octets())
    var numbers = try DERReader(inside: try inner.next())
    var parts: [[UInt8]] = []
    while !numbers.isAtEnd { parts.append(try numbers.next().withHeader.withBytes { Array($0) }) }
    parts[3] = PFXForge.element(0x02, [UInt8](repeating: 0x55, count: 400_000))
    for index in 6..<parts.count { parts[index] = PFXForge.integer(0) }
    let key = PFXForge.element(0x30, parts.flatMap { $0 })
    return PFXForge.sequence(PFXForge.integer(0), algorithm, PFXForge.octets(key))
  }

  @Test("A private half of another key under the right public half is noticed")
  func falsePrivateHalf() throws {
    let root = try PFXWorkshop.root()
    let other = try PFXWorkshop.otherRoot()
    // Both are P-256 keys of one shape: the private number stands at the same place in both.
    let length = try #require(root.key.count == other.key.count ? root.key.count : nil)
    let place = try #require((0..<(length - 34)).first { root.key[$0] == 0x04 && root.key[$0 + 1] == 0x20 })
    var key = root.key
    key.replaceSubrange((place + 2)..<(place + 34), with: other.key[(place + 2)..<(place + 34)])
    let refusal = inspect(try PFXForge.file([PFXForge.certificateBag(root.certificate), PFXForge.keyBag(key)])).refusal
    #expect(["KEY_MISMATCH", "KEY_UNDECRYPTABLE"].contains(refusal?.code ?? "accepted"))
  }

  @Test("Files in BER, with open lengths and strings in pieces, are read")
  func basicEncodingRules() throws {
    let root = try PFXWorkshop.root()
    let pieces =
      PFXForge.octets(Array(root.certificate.prefix(100))) + PFXForge.octets(Array(root.certificate.dropFirst(100)))
    let value =
      [0x30, 0x80] + PFXForge.identifier("1.2.840.113549.1.9.22.1") + PFXForge.zero([0x24, 0x80] + pieces + [0, 0]) + [
        0, 0,
      ]
    let bag = PFXForge.sequence(PFXForge.identifier("1.2.840.113549.1.12.10.1.3"), [0xA0, 0x80] + value + [0, 0])
    #expect(inspect(try PFXForge.file([bag, PFXForge.keyBag(root.key)])).refusal == nil)
  }
}
