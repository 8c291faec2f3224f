import Foundation
import PKI

/// One script for another machine's `sh -s`: everything that one operation does there, in one go.
///
/// It is one compound command, which the shell reads to its end before it runs the first of it: one whose second half is lost
/// does nothing, and nothing of it is left in the pipe for what the script reads there. It runs in a subshell, so that the
/// next one begins with the same folder, variables, traps and mask as if it had a shell of its own.
struct FarScript: Sendable {
  /// Stands before everything that the script reports, and in the word that lets it go on.
  let token: String
  /// The script. It may hold a private key, in base64.
  let text: SecretBytes
  /// What must not come back in any report: the contents, and their base64.
  let secrets: [SecretBytes]
  /// How many files its output holds at most.
  let files: Int

  /// - Parameters:
  ///   - parts: the functions that the call needs.
  ///   - call: the commands, with their words quoted.
  ///   - contents: what the functions `content_0`, … write.
  ///   - isPlain: whether the environment stays as it is, for a command that it is handed on to.
  ///   - files: how many files its output holds at most.
  init(
    _ parts: [String], call: String, contents: [SecretBytes] = [], isPlain: Bool = false, files: Int = 1
  ) {
    self.files = files
    token = "reroot-" + SecureRandom.token().prefix(16).filter { $0.isLetter || $0.isNumber }
    let settings = isPlain ? "" : "LC_ALL=C; export LC_ALL\numask 077\n"
    let head = "{ \(FarBasics.shell)\n(\nT=\(token)\n\(settings)" + parts.joined(separator: "\n") + "\n"
    // What a tool has written last may be no whole line.
    let over = "printf '%s over\\n' \(token)\nprintf '\\n%s over\\n' \(token) >&2\n}\n"
    let tail = "printf '%s begin\\n' \"$T\"\nsay begin\n\(call)\nsay done\nexit 0\n)\n\(over)"
    var pieces = [SecretBytes(utf8: head)]
    let written = contents.map(WrittenContent.init)
    secrets = contents + written.map(\.digits)
    for (index, content) in written.enumerated() {
      pieces.append(SecretBytes(utf8: "content_\(index)() { printf \(content.isText ? "%b" : "%s") '"))
      pieces.append(content.digits)
      pieces.append(SecretBytes(utf8: content.isText ? "'; }\n" : "' | base64 -d; }\n"))
    }
    pieces.append(SecretBytes(utf8: tail))
    text = SecretBytes(joining: pieces)
  }

  /// The line that lets the script go on.
  var permission: [UInt8] { Array("go \(token)\n".utf8) }

  /// What standard output has at its very end, and standard error as its last line, once the script is over.
  var endMark: [UInt8] { Array("\(token) over\n".utf8) }
}

/// The content of a file as a script holds it, in one line: PEM as it is, which the shell can write by itself, with `\n` for
/// each end of a line; anything else in base64.
private struct WrittenContent {
  let isText: Bool
  let digits: SecretBytes

  init(_ content: SecretBytes) {
    // What has a meaning to `printf %b`, or ends the quotes, is in no PEM file.
    let (isText, lines) = content.withBytes { bytes in
      (
        bytes.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x27 && $0 != 0x5C || $0 == 0x0A },
        bytes.reduce(0) { $1 == 0x0A ? $0 + 1 : $0 }
      )
    }
    self.isText = isText
    digits = isText ? Self.escaped(content, lines: lines) : Base64.encode(content)
  }

  private static func escaped(_ content: SecretBytes, lines: Int) -> SecretBytes {
    SecretBytes(count: content.count + lines) { out in
      content.withBytes { bytes in
        var offset = 0
        for byte in bytes {
          if byte == 0x0A {
            out[offset] = 0x5C
            offset += 1
          }
          out[offset] = byte == 0x0A ? 0x6E : byte
          offset += 1
        }
      }
    }
  }
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
