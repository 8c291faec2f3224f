/// The form of a file that is encrypted and authenticated as a whole under a passphrase, without ever being in memory as
/// a whole.
///
/// A head of 84 bytes: 16 that name the form, scrypt's parameters (log₂N, r, p), a zero, a salt of 32 bytes, and
/// HMAC-SHA-256 over all of that, which also tells a wrong passphrase from a damaged file. Then chunks of 64 KiB, the
/// last one shorter or equal, each AES-256-GCM with its tag of 16 bytes behind it. A chunk's nonce is its number and
/// whether it is the last one, so that chunks cannot be left out, repeated, moved or cut off (the STREAM construction:
/// Hoang, Reyhanitabar, Rogaway, Vizár, “Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance”, 2015).
/// Numbers never repeat under one key, because each file has a salt of its own.
public enum SealedFile {
  /// What every file of this form begins with, whatever its version.
  public static let mark = Array("REROOT BACKUP ".utf8)

  static let name = Array("REROOT BACKUP 1\n".utf8)
  static let saltCount = 32
  static let tagCount = AuthenticatedCipher.tagCount
  static let headTagCount = 32
  static let chunkCount = 1 << 16
  /// Bytes of the head that its tag covers.
  static let coveredCount = name.count + 4 + saltCount
  static let headCount = coveredCount + headTagCount

  static func head(_ parameters: ScryptParameters, salt: [UInt8]) -> [UInt8] {
    name
      + [
        UInt8(parameters.logarithmOfN), UInt8(parameters.blockSize), UInt8(parameters.parallelisation), 0,
      ] + salt
  }

  static func nonce(_ number: UInt64, isLast: Bool) -> [UInt8] {
    [0, 0, 0] + (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) } + [isLast ? 1 : 0]
  }
}

/// The cipher of a sealed file's chunks: each with its tag behind it.
final class ChunkCipher {
  private let cipher: AuthenticatedCipher

  init(_ key: SecretBytes) throws { cipher = try AuthenticatedCipher(key) }

  /// The sealed chunk, its tag behind it.
  func seal(_ chunk: UnsafeRawBufferPointer, nonce: [UInt8]) throws -> [UInt8] {
    var sealed = [UInt8](repeating: 0, count: chunk.count + SealedFile.tagCount)
    _ = try OpenSSLErrors.require("SEAL_FAILED", "A part of the file could not be sealed.") {
      sealed.withUnsafeMutableBytes { out -> Bool? in
        let text = UnsafeMutableRawBufferPointer(rebasing: out[..<chunk.count])
        let tag = UnsafeMutableRawBufferPointer(rebasing: out[chunk.count...])
        return cipher.run(.seal, nonce: nonce, from: chunk, into: text, tag: tag) ? true : nil
      }
    }
    return sealed
  }

  /// Opens a chunk; nil when it is not what was sealed under this nonce.
  func open(_ sealed: UnsafeRawBufferPointer, nonce: [UInt8]) -> [UInt8]? {
    let count = sealed.count - SealedFile.tagCount
    guard count >= 0 else { return nil }
    var chunk = [UInt8](repeating: 0, count: count)
    var tag = Array(sealed.suffix(SealedFile.tagCount))
    let isOpen = OpenSSLErrors.guarded {
      // Nothing is given out before the tag has been compared, at the end of the run.
      chunk.withUnsafeMutableBytes { out in
        tag.withUnsafeMutableBytes { tag in
          cipher.run(.open, nonce: nonce, from: UnsafeRawBufferPointer(rebasing: sealed[..<count]), into: out, tag: tag)
        }
      }
    }
    return isOpen ? chunk : nil
  }
}
