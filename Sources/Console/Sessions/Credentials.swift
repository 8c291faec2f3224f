import Foundation
import PKI

/// The rules for names and passwords of administrators.
enum Credentials {
  /// The fewest characters of a password.
  static let shortestPassword = 12
  /// The most bytes of a password; what ``PKI/PasswordHash`` takes.
  static let longestPassword = 1024

  /// A name as it is stored; nil when it cannot be one.
  static func name(_ text: String?) -> String? {
    let name = (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    guard (1...64).contains(name.count), name.utf8.count <= 200,
      name.unicodeScalars.allSatisfy({ !CharacterSet.controlCharacters.contains($0) })
    else { return nil }
    return name
  }

  /// A password as it is hashed: composed, so that it is the same from every keyboard (RFC 8265, section 4.2).
  static func password(_ text: String?) -> SecretBytes {
    SecretBytes(utf8: (text ?? "").precomposedStringWithCanonicalMapping)
  }

  /// What is wrong with a new password that was given twice, by the field it is wrong in.
  static func problems(
    _ password: String, again: String, name: String, field: String, againField: String
  ) -> [(field: String, sentence: String)] {
    if password.count < shortestPassword {
      return [(field, "Choose a password of at least \(shortestPassword) characters.")]
    }
    if password.utf8.count > longestPassword || password.utf8.contains(0) {
      return [(field, "Choose a password of at most \(longestPassword) bytes without a NUL character.")]
    }
    if password.lowercased() == name.lowercased() || Set(password).count < 3 {
      return [(field, "Choose a password that is harder to guess: neither the name nor the same character again.")]
    }
    if password != again { return [(againField, "The two passwords are not the same.")] }
    return []
  }
}
