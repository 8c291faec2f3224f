import Foundation
import Testing

@testable import PKI

@Suite("A passphrase")
struct SecretsPassphraseTests {
  @Test(
    "has twelve characters, no NUL and no more than 1,024 bytes, for a master key and for a backup",
    arguments: [
      ("eleven char", false), ("twelve chars", true), ("äöüäöüäöüäö", false), ("äöüäöüäöüäöü", true),
      // Six letters, each of two characters.
      (String(repeating: "e\u{301}", count: 6), true), ("twelve\0chars", false),
      (String(repeating: "a", count: 1024), true), (String(repeating: "a", count: 1025), false),
    ])
  func lengths(text: String, suits: Bool) throws {
    let parameters = try #require(ScryptParameters(10, 8, 1, within: .backup))
    let uses: [(SecretBytes) throws -> Void] = [
      { try Passphrase.check($0) },
      { _ = try SealedFileWriter(passphrase: $0, parameters: parameters) { _ in } },
    ]
    for use in uses {
      var code: String?
      do {
        try use(SecretBytes(utf8: text))
      } catch {
        code = (error as? PKIError)?.code ?? "\(error)"
      }
      #expect(code == (suits ? nil : "PASSPHRASE_UNSUITABLE"))
    }
  }
}
