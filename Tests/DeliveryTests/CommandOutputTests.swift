import Foundation
import Testing

@testable import Delivery

@Suite("What a command says")
struct CommandOutputTests {
  private static let marker = "[private key left out]"
  private static let line = String(repeating: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", count: 2)

  private func text(_ said: String, pieces: Int = .max) -> String {
    var output = CommandOutput()
    var rest = Array(said.utf8)[...]
    while !rest.isEmpty {
      output.append(rest.prefix(pieces))
      rest = rest.dropFirst(pieces)
    }
    return output.text
  }

  private func block(_ kind: String, lines: Int = 26) -> String {
    "-----BEGIN \(kind)-----\n" + String(repeating: Self.line + "\n", count: lines) + "-----END \(kind)-----\n"
  }

  @Test(
    "is kept whole up to the limit, and cut in the middle beyond it",
    arguments: [
      0, 1, 6 << 10, (6 << 10) + 1, (16 << 10) - 129, (16 << 10) - 128, (16 << 10) - 127, 16 << 10, (16 << 10) + 1,
      100_000,
    ])
  func limit(count: Int) {
    let said = String((0..<count).map { $0 % 80 == 79 ? "\n" : Character(String($0 % 10)) })
    for pieces in [1_000_000, 997] {
      let text = text(said, pieces: pieces)
      #expect(text.utf8.count <= CommandOutput.maximumBytes)
      if count <= (16 << 10) - 128 {
        #expect(text == said)
      } else {
        #expect(text.contains("bytes left out here"))
        #expect(text.hasPrefix(said.prefix(6_000)))
        #expect(text.hasSuffix(said.suffix(9_000).trimmingCharacters(in: .newlines)))
      }
    }
  }

  @Test("has no broken character at the cut, and no bytes that are not UTF-8")
  func characters() {
    for shift in 0..<4 {
      let text = text(String(repeating: "x", count: shift) + String(repeating: "😀", count: 10_000))
      #expect(text.unicodeScalars.filter { $0 == "\u{FFFD}" }.isEmpty)
      #expect(text.utf8.count <= CommandOutput.maximumBytes)
    }
    var output = CommandOutput()
    output.append([0x61, 0xFF, 0xC3, 0x28, 0x62])
    #expect(output.text == "a\u{FFFD}\u{FFFD}(b")
    // Every byte becomes a mark of three bytes.
    var worse = CommandOutput()
    worse.append([UInt8](repeating: 0xFF, count: 16_000))
    #expect(worse.text.utf8.count <= CommandOutput.maximumBytes)
  }

  @Test(
    "loses colours and control characters",
    arguments: [
      ("colours", "\u{1B}[1;31mred\u{1B}[0m text", "red text"), ("a carriage return", "a\r\nb\r", "a\nb"),
      ("a bell and a null", "a\u{7}b\u{0}c", "abc"), ("a tab", "a\tb", "a\tb"),
      ("a sequence that does not end", "a\u{1B}[12\nb", "a\nb"), ("C1 controls", "a\u{9B}b", "ab"),
      ("the gap's own mark", "a\u{1}b", "ab"),
    ])
  func controls(name: String, said: String, expected: String) {
    #expect(text(said) == expected)
  }

  @Test(
    "has every private key blacked out",
    arguments: ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"])
  func keys(kind: String) {
    let text = text("before it\n" + block(kind) + "after it\n")
    #expect(text == "before it\n\(Self.marker)\nafter it\n")
  }

  /// A key as something wraps it on its way out.
  struct Wrapped: Sendable, CustomTestStringConvertible {
    let name: String
    let wrap: @Sendable (String) -> String
    var testDescription: String { name }
  }

  static let wrapped: [Wrapped] = [
    Wrapped(name: "as it is") { $0 },
    Wrapped(name: "with CR LF") { $0.replacingOccurrences(of: "\n", with: "\r\n") },
    Wrapped(name: "indented") { $0.split(separator: "\n").map { "    \($0)\n" }.joined() },
    Wrapped(name: "quoted, with line breaks written out") {
      "config: \"" + $0.replacingOccurrences(of: "\n", with: "\\n") + "\"\n"
    },
    Wrapped(name: "in a journal's lines") {
      $0.split(separator: "\n").map { "Jul 01 12:00:00 host nginx[17]: \($0)\n" }.joined()
    },
    Wrapped(name: "after line numbers") {
      $0.split(separator: "\n").enumerated().map { "\($0.offset + 98)\t\($0.element)\n" }.joined()
    },
    Wrapped(name: "as a difference between files") { $0.split(separator: "\n").map { "+\($0)\n" }.joined() },
    Wrapped(name: "in a program's literal") { $0.split(separator: "\n").map { "  \"\($0)\\n\"\n" }.joined() },
    Wrapped(name: "coloured") { $0.split(separator: "\n").map { "\u{1B}[31m\($0)\u{1B}[0m\n" }.joined() },
    Wrapped(name: "cut before its end") { String($0.dropLast(200)) + "\n" },
    Wrapped(name: "cut before its end, with words after it") { String($0.dropLast(200)) + "\nError: cannot go on\n" },
    Wrapped(name: "with the headers of an old encrypted one") {
      $0.replacingOccurrences(of: "-----\nMII", with: "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\nMII")
    },
  ]

  @Test("has a private key blacked out however it is wrapped", arguments: wrapped)
  func wrappedKeys(row: Wrapped) {
    let said = "before it\n" + row.wrap(block("PRIVATE KEY")) + "and after it\n"
    let text = text(said)
    #expect(!text.contains("MIIEvQIBADAN"), "\(text)")
    #expect(text.contains(Self.marker))
    #expect(text.contains("before it") && text.contains("and after it"))
  }

  @Test("has no line of a key left where the middle is cut out, wherever the key lies")
  func keysAtTheGap() {
    let key = block("PRIVATE KEY", lines: 50)
    for place in stride(from: 0, through: 20_000, by: 311) {
      var said = String(repeating: "some words here\n", count: 1_300)
      said.insert(contentsOf: "\n" + key, at: said.index(said.startIndex, offsetBy: place))
      #expect(!text(said).contains("QIBADANBgkq"), "a key after \(place) bytes")
    }
  }

  @Test("has no line of a key left that is longer than all that is kept")
  func longKey() {
    #expect(!text(block("PRIVATE KEY", lines: 1_000)).contains("QIBADANBgkq"))
    #expect(!text("words first\n" + block("PRIVATE KEY", lines: 1_000) + "words last\n").contains("QIBADANBgkq"))
  }

  @Test("keeps certificates, public keys and other words as they are")
  func innocent() {
    for said in [
      block("CERTIFICATE"), block("PUBLIC KEY"), "no PRIVATE KEY found\n", "a\n\n\nb\n",
      "cannot load key /etc/key.pem: -----BEGIN expected\nabcdefgh\n",
    ] {
      #expect(text(said) == said)
    }
    #expect(text(block("PRIVATE KEY") + block("CERTIFICATE")) == Self.marker + "\n" + block("CERTIFICATE"))
    #expect(text("key: -----BEGIN PRIVATE KEY----- x -----END PRIVATE KEY-----\ndone\n") == Self.marker + "\ndone\n")
  }
}
