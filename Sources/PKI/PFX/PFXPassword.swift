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
    let asText = Self.wideText(password)
    // OpenSSL before 1.1.0, and what copied it, took each byte for a character; also right for Latin-1 files.
    let byteByByte = Self.wideBytes(password)
    if password.isEmpty {
      // "No password" is two zero bytes for some programs and nothing at all for others.
      forms = [SecretBytes([0, 0]), SecretBytes([])].map { Form(wide: $0, plain: password) }
    } else if let asText, asText != byteByByte {
      forms = [asText, byteByByte].map { Form(wide: $0, plain: password) }
    } else {
      forms = [Form(wide: byteByByte, plain: password)]
    }
  }

  /// UTF-8 as UTF-16 in big-endian order with two zero bytes at the end; nil for what is no UTF-8.
  private static func wideText(_ password: SecretBytes) -> SecretBytes? {
    password.withBytes { bytes in
      var count = 0
      var isDamaged = false
      // UTF-16 never has more units than UTF-8 has bytes.
      let wide = SecretBytes(count: bytes.count * 2 + 2) { target in
        isDamaged = transcode(bytes.makeIterator(), from: UTF8.self, to: UTF16.self, stoppingOnError: true) { unit in
          target[count] = UInt8(unit >> 8)
          target[count + 1] = UInt8(unit & 0xFF)
          count += 2
        }
      }
      return isDamaged ? nil : wide.copy(of: 0..<(count + 2))
    }
  }

  private static func wideBytes(_ password: SecretBytes) -> SecretBytes {
    password.withBytes { bytes in
      SecretBytes(count: bytes.count * 2 + 2) { target in
        for (index, byte) in bytes.enumerated() { target[index * 2 + 1] = byte }
      }
    }
  }
}
