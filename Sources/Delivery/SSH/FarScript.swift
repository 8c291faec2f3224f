import Foundation
import PKI

/// One script for another machine's `sh -s`: everything that one operation does there, in one go.
///
/// It is read to its end before its first command runs, so that one whose second half is lost does nothing.
struct FarScript: Sendable {
  /// Stands before everything that the script reports, and in the word that lets it go on.
  let token: String
  /// The script. It may hold a private key, in base64.
  let text: SecretBytes
  /// What must not come back in any report: the contents, and their base64.
  let secrets: [SecretBytes]

  /// - Parameters:
  ///   - parts: the functions that the call needs.
  ///   - call: the commands, with their words quoted.
  ///   - contents: what the functions `content_0`, … write.
  ///   - isPlain: whether the environment stays as it is, for a command that it is handed on to.
  init(_ parts: [String], call: String, contents: [SecretBytes] = [], isPlain: Bool = false) {
    token = "reroot-" + SecureRandom.token().prefix(16).filter { $0.isLetter || $0.isNumber }
    let settings = isPlain ? "" : "LC_ALL=C; export LC_ALL\numask 077\n"
    let head = "main() {\nT=\(token)\n\(settings)" + parts.joined(separator: "\n") + "\n"
    let tail = "printf '%s begin\\n' \"$T\"\nsay begin\n\(call)\nsay done\n}\nmain; exit 0\n"
    var pieces = [SecretBytes(utf8: head)]
    let encoded = contents.map(Base64.encode)
    secrets = contents + encoded
    for (index, content) in encoded.enumerated() {
      pieces.append(SecretBytes(utf8: "content_\(index)() { printf %s '"))
      pieces.append(content)
      pieces.append(SecretBytes(utf8: "' | base64 -d; }\n"))
    }
    pieces.append(SecretBytes(utf8: tail))
    text = SecretBytes(joining: pieces)
  }

  /// The line that lets the script go on.
  var permission: [UInt8] { Array("go \(token)\n".utf8) }
}

extension SecretBytes {
  /// One after the other.
  convenience init(joining pieces: [SecretBytes]) {
    self.init(count: pieces.reduce(0) { $0 + $1.count }) { buffer in
      var offset = 0
      for piece in pieces {
        piece.withBytes { bytes in
          UnsafeMutableRawBufferPointer(rebasing: buffer[offset...]).copyMemory(from: bytes)
        }
        offset += piece.count
      }
    }
  }
}

/// Base64 (RFC 4648, section 4) of what must not be left behind in memory.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ secret: SecretBytes) -> SecretBytes {
    SecretBytes(count: (secret.count + 2) / 3 * 4) { out in
      secret.withBytes { bytes in
        for group in 0..<(bytes.count + 2) / 3 {
          let left = bytes.count - group * 3
          let value =
            UInt32(bytes[group * 3]) << 16 | (left > 1 ? UInt32(bytes[group * 3 + 1]) << 8 : 0)
            | (left > 2 ? UInt32(bytes[group * 3 + 2]) : 0)
          for place in 0..<4 {
            let digit = alphabet[Int(value >> (18 - 6 * UInt32(place)) & 63)]
            out[group * 4 + place] = place > left ? 0x3D : digit
          }
        }
      }
    }
  }

  /// The bytes that a text stands for, line ends left out; nil where it is damaged.
  static func decode(_ text: SecretBytes) -> SecretBytes? {
    var count = 0
    let digits = SecretBytes(count: text.count) { out in
      text.withBytes { bytes in
        for byte in bytes where byte != 0x0A && byte != 0x0D {
          out[count] = byte
          count += 1
        }
      }
    }
    return digits.withBytes { bytes in
      guard count > 0, let start = bytes.baseAddress else { return SecretBytes([]) }
      let copy = Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: start), count: count, deallocator: .none)
      guard var data = Data(base64Encoded: copy) else { return nil }
      defer { data.resetBytes(in: 0..<data.count) }
      return data.withUnsafeBytes { SecretBytes(copying: $0) }
    }
  }
}
