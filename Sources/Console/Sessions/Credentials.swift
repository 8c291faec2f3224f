import Foundation
import PKI

/// The rules for names and passwords of administrators.
enum Credentials {
  /// The fewest characters of a password.
  static let shortestPassword = 12
  /// The most bytes of a password; what ``PKI/PasswordHash`` takes.
  static let longestPassword = 1024

  /// A name as it is stored and looked for: composed, so that it is the same from every keyboard; nil when it cannot be
  /// one.
  static func name(_ text: String?) -> String? { problem(ofName: text) == nil ? trimmed(text) : nil }

  /// What is wrong with a name, in a sentence that says what to do; nil when it can be one.
  static func problem(ofName text: String?) -> String? {
    let name = trimmed(text)
    if let hidden = name.unicodeScalars.first(where: { VisibleText.isHidden($0) && $0 != "\u{FE0F}" }) {
      let code = String(hidden.value, radix: 16, uppercase: true)
      let number = String(repeating: "0", count: max(0, 4 - code.count)) + code
      return "The name holds a character that is not shown (U+\(number)). Leave it out."
    }
    guard (1...64).contains(name.count), name.utf8.count <= 200 else {
      return "Give a name of 1 to 64 characters on one line."
    }
    return nil
  }

  /// What is wrong with the name of a new user: as for every name, and its letters must be of one alphabet, since those of
  /// another may look the same.
  static func problem(ofNewUser text: String?) -> String? {
    if let problem = problem(ofName: text) { return problem }
    let alphabets = Set(trimmed(text).unicodeScalars.compactMap(Alphabet.init(of:))).sorted()
    guard alphabets.count > 1 else { return nil }
    return "The name mixes \(alphabets[0].rawValue) and \(alphabets[1].rawValue) letters, some of which look the same. "
      + "Write it in one alphabet."
  }

  private static func trimmed(_ text: String?) -> String {
    (text ?? "").trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
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
    if let weakness = PasswordRules.weakness(password, name: name) {
      return [(field, "Choose a password that is harder to guess: \(weakness).")]
    }
    if password != again { return [(againField, "The two passwords are not the same.")] }
    return []
  }
}
