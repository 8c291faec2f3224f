import Foundation

@testable import PKI

/// Writes PFX files element by element, so that a test can put anything anywhere.
enum PFXForge {
  static let password = "Test-1234"
  private static let pkcs7 = "1.2.840.113549.1.7."
  private static let bag = "1.2.840.113549.1.12.10.1."

  // MARK: Elements

  static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    switch content.count {
    case 0..<0x80: [tag, UInt8(content.count)] + content
    case 0x80..<0x100: [tag, 0x81, UInt8(content.count)] + content
    case 0x100..<0x10000: [tag, 0x82, UInt8(content.count >> 8), UInt8(content.count & 0xFF)] + content
    default:
      [tag, 0x83, UInt8(content.count >> 16), UInt8(content.count >> 8 & 0xFF), UInt8(content.count & 0xFF)] + content
    }
  }

  static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, parts.flatMap { $0 }) }
  static func octets(_ bytes: [UInt8]) -> [UInt8] { element(0x04, bytes) }
  static func zero(_ content: [UInt8]) -> [UInt8] { element(0xA0, content) }

  static func integer(_ value: Int) -> [UInt8] {
    var bytes = withUnsafeBytes(of: Int64(value).bigEndian) { Array($0) }
    while bytes.count > 1, bytes[0] == (bytes[1] & 0x80 == 0 ? 0 : 0xFF) { bytes.removeFirst() }
    return element(0x02, bytes)
  }

  static func identifier(_ text: String) -> [UInt8] {
    let arcs = text.split(separator: ".").compactMap { Int($0) }
    let numbers = [arcs[0] * 40 + arcs[1]] + arcs.dropFirst(2)
    return element(
      0x06,
      numbers.flatMap { number -> [UInt8] in
        var groups = [UInt8(number & 0x7F)]
        var rest = number >> 7
        while rest > 0 {
          groups.insert(UInt8(rest & 0x7F) | 0x80, at: 0)
          rest >>= 7
        }
        return groups
      })
  }

  // MARK: Bags

  static func certificateBag(_ der: [UInt8], attributes: [UInt8] = []) -> [UInt8] {
    let value = sequence(identifier("1.2.840.113549.1.9.22.1"), zero(octets(der)))
    return sequence(identifier(bag + "3"), zero(value), attributes)
  }

  static func keyBag(_ pkcs8: [UInt8]) -> [UInt8] { sequence(identifier(bag + "1"), zero(pkcs8)) }

  /// `encrypted` is an EncryptedPrivateKeyInfo, as `openssl pkcs8 -topk8` writes it.
  static func shroudedBag(_ encrypted: [UInt8]) -> [UInt8] { sequence(identifier(bag + "2"), zero(encrypted)) }

  static func otherBag(_ number: Int, _ value: [UInt8]) -> [UInt8] {
    sequence(identifier(bag + "\(number)"), zero(value))
  }

  static func friendlyName(_ text: String) -> [UInt8] {
    let value = element(0x31, element(0x1E, bigEndian(text)))
    return element(0x31, sequence(identifier("1.2.840.113549.1.9.20"), value))
  }

  private static func bigEndian(_ text: String) -> [UInt8] {
    text.utf16.flatMap { unit -> [UInt8] in [UInt8(unit >> 8), UInt8(unit & 0xFF)] }
  }

  // MARK: Safes and files

  static func plainSafe(_ bags: [[UInt8]]) -> [UInt8] {
    sequence(identifier(pkcs7 + "1"), zero(octets(sequence(bags.flatMap { $0 }))))
  }

  static func encryptedSafe(algorithm: [UInt8], _ data: [UInt8] = [UInt8](repeating: 7, count: 64)) -> [UInt8] {
    let inner = sequence(identifier(pkcs7 + "1"), algorithm, element(0x80, data))
    return sequence(identifier(pkcs7 + "6"), zero(sequence(integer(0), inner)))
  }

  /// PBES2 with AES-256-CBC and any derivation.
  static func pbes2(_ derivation: [UInt8]) -> [UInt8] {
    let cipher = sequence(
      identifier("2.16.840.1.101.3.4.1.42"), octets([UInt8](repeating: 9, count: 16)))
    return sequence(identifier("1.2.840.113549.1.5.13"), sequence(derivation, cipher))
  }

  static func pbkdf2(iterations: Int) -> [UInt8] {
    let prf = sequence(identifier("1.2.840.113549.2.9"), element(0x05, []))
    return sequence(
      identifier("1.2.840.113549.1.5.12"),
      sequence(octets([1, 2, 3, 4, 5, 6, 7, 8]), integer(iterations), prf))
  }

  static func scrypt(n: Int, r: Int, p: Int) -> [UInt8] {
    sequence(
      identifier("1.3.6.1.4.1.11591.4.11"), sequence(octets([1, 2, 3, 4]), integer(n), integer(r), integer(p)))
  }

  static func pkcs12Encryption(iterations: Int) -> [UInt8] {
    sequence(identifier("1.2.840.113549.1.12.1.3"), sequence(octets([1, 2, 3, 4]), integer(iterations)))
  }

  /// A file of one plain safe.
  static func file(_ bags: [[UInt8]], password: String = password) throws -> [UInt8] {
    try file(safes: [plainSafe(bags)], password: password)
  }

  /// A file with a SHA-256 MAC of one iteration. `statedIterations` and `macAlgorithm` are what the file says of it.
  static func file(
    safes: [[UInt8]], password: String = password, statedIterations: Int = 1,
    macAlgorithm: String = "2.16.840.1.101.3.4.2.1", version: Int = 3
  ) throws -> [UInt8] {
    let content = element(0x30, safes.flatMap { $0 })
    let salt: [UInt8] = [8, 7, 6, 5, 4, 3, 2, 1]
    let mac = try authenticationCode(content, password: password, salt: salt)
    let info = sequence(sequence(identifier(macAlgorithm), element(0x05, [])), octets(mac))
    return sequence(
      integer(version), sequence(identifier(pkcs7 + "1"), zero(octets(content))),
      sequence(info, octets(salt), integer(statedIterations)))
  }

  /// A file without MacData.
  static func fileWithoutMAC(_ bags: [[UInt8]]) -> [UInt8] {
    let content = element(0x30, plainSafe(bags))
    return sequence(integer(3), sequence(identifier(pkcs7 + "1"), zero(octets(content))))
  }

  private static func authenticationCode(_ content: [UInt8], password: String, salt: [UInt8]) throws -> [UInt8] {
    let wide = bigEndian(password) + [0, 0]
    let form = PFXPassword.Form(wide: SecretBytes(wide), plain: SecretBytes([]))
    guard let key = PFXKeyDerivation(form: form).pkcs12(.integrity, "SHA2-256", salt, 1, length: 32) else {
      throw CocoaError(.featureUnsupported)
    }
    // RFC 2104 with a block of 64 bytes.
    let block = key.withBytes { Array($0) } + [UInt8](repeating: 0, count: 32)
    return Digest.sha256(block.map { $0 ^ 0x5C } + Digest.sha256(block.map { $0 ^ 0x36 } + content))
  }
}
