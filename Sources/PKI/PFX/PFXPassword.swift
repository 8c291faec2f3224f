/// A password in the forms in which programs have turned one into bytes for a PFX file.
///
/// RFC 7292 appendix B.1 wants UTF-16 in big-endian order with two zero bytes at the end for its own derivation; RFC 8018
/// takes the bytes as they are, UTF-8 by custom. Not everybody kept to that.
struct PFXPassword: Sendable {
  /// One way to hand the password over.
  struct Form: Sendable {
    /// For the derivation of RFC 7292.
    let wide: SecretBytes
    /// For PBKDF1, PBKDF2 and scrypt.
    let plain: SecretBytes
  }

  let isEmpty: Bool
  let forms: [Form]

  /// Throws `WRONG_PASSWORD` for one with a NUL inside: programs in C would see its beginning only.
  init(_ password: SecretBytes) throws(PFXRefusal) {
    guard !password.withBytes({ $0.contains(0) }) else {
      throw PFXRefusal(
        .wrongPassword,
        "The password holds a NUL character, which no program can have set. Type it again, or check the file it was read from."
      )
    }
    isEmpty = password.isEmpty
    let asText = Self.wide(password) { String(validating: $0, as: UTF8.self).map { Array($0.utf16) } }
    // OpenSSL before 1.1.0, and what copied it, took each byte for a character; also right for Latin-1 files.
    let byteByByte = Self.wide(password) { $0.map { UInt16($0) } }
    if password.isEmpty {
      // "No password" is two zero bytes for some programs and nothing at all for others.
      forms = [SecretBytes([0, 0]), SecretBytes([])].map { Form(wide: $0, plain: password) }
    } else if let asText, asText != byteByByte {
      forms = [asText, byteByByte].compactMap { $0 }.map { Form(wide: $0, plain: password) }
    } else {
      forms = [byteByByte].compactMap { $0 }.map { Form(wide: $0, plain: password) }
    }
  }

  private static func wide(_ password: SecretBytes, _ units: (UnsafeRawBufferPointer) -> [UInt16]?) -> SecretBytes? {
    password.withBytes { bytes in
      guard let units = units(bytes) else { return nil }
      return SecretBytes(count: units.count * 2 + 2) { target in
        for (index, unit) in units.enumerated() {
          target[index * 2] = UInt8(unit >> 8)
          target[index * 2 + 1] = UInt8(unit & 0xFF)
        }
      }
    }
  }
}
