import Foundation
import Testing

@testable import PKI

@Suite("The master key in what others say") struct SecretsMasterKeyRedactionTests {
  private static let bytes: [UInt8] = Digest.sha256(Array("a key".utf8))
  private static let digits = Hexadecimal.text(bytes)
  private static let word = "[master key left out]"

  private func redaction(passphrase: String? = nil) throws -> MasterKeyRedaction {
    MasterKeyRedaction(
      of: try MasterKey(bytes: SecretBytes(Self.bytes)), passphrase: passphrase.map { SecretBytes(utf8: $0) })
  }

  /// In the middle of something else, whatever that makes of base64.
  private static func base64(_ bytes: [UInt8], _ before: Int) -> String {
    Data([UInt8](repeating: 7, count: before) + bytes + [7, 7, 7, 7]).base64EncodedString()
  }

  struct Form: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: String
  }

  static let forms: [Form] =
    [
      Form(testDescription: "small", text: digits), Form(testDescription: "large", text: digits.uppercased()),
      Form(
        testDescription: "mixed",
        text: String(digits.enumerated().map { $0.offset % 2 == 0 ? Character($0.element.uppercased()) : $0.element })),
      Form(testDescription: "with colons", text: bytes.map { Hexadecimal.text([$0]) }.joined(separator: ":")),
      Form(
        testDescription: "in lines of five",
        text: stride(from: 0, to: 64, by: 5).map { String(digits.dropFirst($0).prefix(5)) }.joined(separator: "\r\n")),
      Form(testDescription: "the file", text: "# Reroot master key.\n\(digits)\n"),
      Form(testDescription: "a part", text: String(digits.dropFirst(30).prefix(16))),
    ]
    + (0..<3).flatMap { before in
      [
        Form(testDescription: "base64 of the key behind \(before)", text: base64(bytes, before)),
        Form(testDescription: "base64 of the digits behind \(before)", text: base64(Array(digits.utf8), before)),
        Form(
          testDescription: "base64 of the large digits behind \(before)",
          text: base64(Array(digits.uppercased().utf8), before)),
        Form(
          testDescription: "base64 of addresses behind \(before)",
          text: base64(bytes, before).replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")),
      ]
    }

  @Test("is left out in every form, and what stands around it stays", arguments: forms)
  func leftOut(form: Form) throws {
    let said = try redaction().applied(to: "before “é”\n\(form.text)\n! behind")
    #expect(said.hasPrefix("before “é”") && said.hasSuffix("! behind") && said.contains(Self.word), "\(said)")
    let squeezed = said.lowercased().filter { !$0.isWhitespace && $0 != ":" }
    for start in 0...(64 - 16) {
      #expect(!squeezed.contains(Self.digits.dropFirst(start).prefix(16)))
    }
    for before in 0..<3 where form.testDescription.hasPrefix("base64") {
      let inner = Self.base64(Self.bytes, before).dropFirst(4).prefix(40)
      #expect(!said.contains(inner.prefix(20)) && !said.contains(inner.suffix(20)))
    }
  }

  @Test("is nothing else that has 64 digits, such as a certificate's fingerprint")
  func others() throws {
    let fingerprint = Digest.sha256Hex(Array("a certificate".utf8))
    let key = try PrivateKey.generate(.ecdsaP256).pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }
    for text in ["", "short", fingerprint, fingerprint.uppercased(), "\(fingerprint) \(Self.digits.prefix(15))", key] {
      #expect(try redaction().applied(to: text) == text)
    }
  }

  @Test("comes with its passphrase, which is left out as it was typed")
  func passphrase() throws {
    let redaction = try redaction(passphrase: "Ünicorns und 9")
    #expect(redaction.applied(to: "it is Ünicorns und 9!") == "it is \(Self.word)!")
    #expect(redaction.applied(to: "Ünicorns und") == "Ünicorns und")
    #expect(redaction.applied(to: Self.digits) == Self.word)
  }

  @Test("A key that a gap was cut into is not given away by what is left before and behind it")
  func cut() throws {
    let redaction = try redaction()
    for left in 0...64 {
      let text = "\(Self.digits.prefix(left))\n[… 3 bytes left out here …]\n\(Self.digits.suffix(64 - left))"
      let said = redaction.applied(to: text).replacingOccurrences(of: "[… 3 bytes left out here …]", with: "")
      let digits = said.replacingOccurrences(of: Self.word, with: "").filter(\.isHexDigit).count
      #expect(digits < 16, "\(left): \(said)")
    }
  }
}
