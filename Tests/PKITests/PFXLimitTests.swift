import Foundation
import Testing

@testable import PKI

@Suite("No PFX file costs more than a sound one may")
struct PFXLimitTests {
  /// A part that asks for too much.
  struct Bomb: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable () throws -> [UInt8]

    var testDescription: String { name }
  }

  static let bombs = [
    Bomb(name: "the MAC, 2³¹−1") { try file(mac: 2_147_483_647) },
    Bomb(name: "the MAC, 2⁶³−1") { try file(mac: Int.max) },
    Bomb(name: "the MAC, 1,000,001") { try file(mac: 1_000_001) },
    Bomb(name: "an encrypted part, PBKDF2") {
      try file(algorithm: PFXForge.pbes2(PFXForge.pbkdf2(iterations: 1_000_001)))
    },
    Bomb(name: "an encrypted part, PKCS#12") { try file(algorithm: PFXForge.pkcs12Encryption(iterations: 1_000_001)) },
    Bomb(name: "scrypt, too many rounds") {
      try file(algorithm: PFXForge.pbes2(PFXForge.scrypt(n: 1 << 20, r: 8, p: 1)))
    },
    Bomb(name: "scrypt, too much memory") {
      try file(algorithm: PFXForge.pbes2(PFXForge.scrypt(n: 1 << 19, r: 1, p: 1)))
    },
    Bomb(name: "scrypt, numbers that overflow") {
      try file(algorithm: PFXForge.pbes2(PFXForge.scrypt(n: 1 << 62, r: 1 << 40, p: 1 << 40)))
    },
    Bomb(name: "four parts, each under the limit") {
      let safe = PFXForge.encryptedSafe(algorithm: PFXForge.pbes2(PFXForge.pbkdf2(iterations: 900_000)))
      return try PFXForge.file(safes: [safe, safe, safe, safe])
    },
    Bomb(name: "a key in a plain part") {
      try PFXForge.file([PFXForge.shroudedBag(key(iterations: 1_000_001))])
    },
    Bomb(name: "a key in a bag of bags") {
      let inner = PFXForge.element(0x30, PFXForge.shroudedBag(key(iterations: 1_000_001)))
      return try PFXForge.file([PFXForge.otherBag(6, inner)])
    },
    Bomb(name: "150 keys") {
      try PFXForge.file([[UInt8]](repeating: PFXForge.shroudedBag(key(iterations: 1_000_000)), count: 150))
    },
  ]

  @Test("Counts are read before anything is derived", arguments: bombs)
  func refusedAtOnce(bomb: Bomb) throws {
    let bytes = try bomb.make()
    // The wrong password shows that not even the MAC was looked at.
    let clock = ContinuousClock()
    let start = clock.now
    let inspection = inspect(bytes, password: "wrong")
    #expect(inspection.refusal?.code == "ITERATIONS_TOO_HIGH", "\(inspection.message)")
    #expect(clock.now - start < .milliseconds(500))
  }

  @Test("A key's count inside an encrypted part is read once that part is open, before the key is")
  func innerLayer() throws {
    let workshop = try PFXWorkshop()
    _ = try workshop.material()
    // Everything in one encrypted part: a PFX whose key bag states too many iterations, encrypted by OpenSSL.
    let bags = PFXForge.element(0x30, PFXForge.shroudedBag(Self.key(iterations: 2_000_000)))
    try Data(bags).write(to: workshop.folder.appendingPathComponent("plain"))
    let words = "enc -aes-256-cbc -K \(String(repeating: "11", count: 32)) -iv \(String(repeating: "09", count: 16))"
    try workshop.openssl(words + " -in plain -out closed")
    var content = PFXBags()
    try content.read(SecretBytes(bags), isEncrypted: true)
    var work = PFXWork()
    guard case .shrouded(let encryption, _) = try #require(content.keys.first).material else { return }
    let derivation = try #require(encryption.derivation)
    #expect(throws: PFXRefusal.self) { try work.add(derivation, for: "a private key") }
  }

  @Test("The largest count that is allowed is allowed")
  func atTheLimit() throws {
    let workshop = try PFXWorkshop()
    _ = try workshop.material()
    let clock = ContinuousClock()
    let bytes = try workshop.export("root", "-iter 1000000")
    let start = clock.now
    let inspection = inspect(bytes)
    #expect(inspection.refusal == nil, "\(inspection.message)")
    #expect(clock.now - start < .seconds(10))
  }

  @Test("scrypt within its bounds opens")
  func scrypt() throws {
    let workshop = try PFXWorkshop()
    let root = try workshop.material()
    try workshop.openssl(
      "pkcs8 -topk8 -in root.key -outform DER -out root.enc -scrypt -scrypt_N 16384 -passout pass:\(PFXForge.password)")
    let bags = [PFXForge.certificateBag(root.certificate), PFXForge.shroudedBag(try workshop.read("root.enc"))]
    let inspection = inspect(try PFXForge.file(bags))
    #expect(inspection.refusal == nil, "\(inspection.message)")
    #expect(inspection.warnings.isEmpty)
  }

  @Test("200 certificates are read, 1 MiB is read")
  func boundaries() throws {
    let root = try PFXWorkshop.root()
    let many = [[UInt8]](repeating: PFXForge.certificateBag(root.certificate), count: 200)
    #expect(inspect(try PFXForge.file(many + [PFXForge.keyBag(root.key)])).refusal == nil)
    let file = try PFXForge.file(root.bags)
    let full = file + [UInt8](repeating: 0, count: (1 << 20) - file.count)
    #expect(inspect(full).warnings.map(\.code).contains("TRAILING_DATA"))
  }

  @Test("Nesting ends in a refusal, in DER and in BER", arguments: [9, 30, 500, 5000])
  func nesting(levels: Int) throws {
    var bags = try PFXWorkshop.root().bags.flatMap { $0 }
    for _ in 0..<min(levels, 500) { bags = PFXForge.otherBag(6, PFXForge.element(0x30, bags)) }
    #expect(inspect(try PFXForge.file([bags])).refusal?.code == "MALFORMED")
    let open = [[UInt8]](repeating: [0x30, 0x80], count: levels).flatMap { $0 }
    #expect(inspect([0x30, 0x80, 0x02, 0x01, 0x03] + open).refusal != nil)
  }

  private static func file(mac: Int) throws -> [UInt8] {
    try PFXForge.file(safes: [PFXForge.plainSafe(try PFXWorkshop.root().bags)], statedIterations: mac)
  }

  private static func file(algorithm: [UInt8]) throws -> [UInt8] {
    try PFXForge.file(safes: [PFXForge.encryptedSafe(algorithm: algorithm)])
  }

  private static func key(iterations: Int) -> [UInt8] {
    let algorithm = PFXForge.pbes2(PFXForge.pbkdf2(iterations: iterations))
    return PFXForge.sequence(algorithm, PFXForge.octets([UInt8](repeating: 5, count: 64)))
  }
}
