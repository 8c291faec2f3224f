import Foundation

/// Tells passwords that are tried first: those of the lists that everybody has, and what people make of them.
///
/// There is no rule about kinds of characters: such rules make passwords worse (NIST SP 800-63B, section 3.1.1.2).
enum PasswordRules {
  /// Why a password would be guessed, as the end of "Choose a password that is harder to guess: …"; nil for one that is not
  /// known to be weak.
  static func weakness(_ password: String, name: String) -> String? {
    let plain = folded(password)
    if Set(plain).count < 4 || isRepetition(plain) { return "it repeats a few characters" }
    if isRun(plain) { return "its characters follow each other in the alphabet or on the keyboard" }
    if isMadeOf(plain, [name, "reroot"]) { return "it is little more than your name or this program's" }
    if isCommon(plain) { return "it is made of words that are tried first" }
    return nil
  }

  /// In small letters, composed, and with compatible characters as the usual ones.
  private static func folded(_ text: String) -> String {
    text.precomposedStringWithCompatibilityMapping.lowercased()
  }

  /// The same few characters again and again: `abcabcabcabc`.
  private static func isRepetition(_ text: String) -> Bool {
    let characters = Array(text)
    return (1...max(1, min(6, characters.count / 2))).contains { length in
      characters.indices.dropFirst(length).allSatisfy { characters[$0] == characters[$0 - length] }
    }
  }

  // MARK: Runs

  private static let rows = [
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm",
    "azertyuiop", "qsdfghjklm", "wxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujm", "q1w2e3r4t5y6u7i8o9p0",
    "1q2w3e4r5t6y7u8i9o0p", "!\"§$%&/()=", "!@#$%^&*()",
  ]

  /// Every two characters that follow each other somewhere, in either direction.
  private static let neighbours: Set<String> = {
    var pairs: Set<String> = []
    for row in rows.map(Array.init) {
      for (one, other) in zip(row, row.dropFirst()) {
        pairs.insert(String([one, other]))
        pairs.insert(String([other, one]))
      }
    }
    return pairs
  }()

  /// All but a few characters go on from the one before: `abcdefgh1234`, `qwertyuiop12`, `aaaaabbbbb1234`.
  private static func isRun(_ text: String) -> Bool {
    let characters = Array(text)
    let breaks = zip(characters, characters.dropFirst()).count { one, other in
      one != other && !neighbours.contains(String([one, other]))
    }
    return breaks * 5 < characters.count
  }

  // MARK: Words

  /// Characters that are written for letters.
  private static let disguises: [Character: Character] = [
    "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "!": "i",
    "|": "l", "+": "t", "€": "e", "(": "c", "ä": "a", "ö": "o", "ü": "u", "é": "e", "è": "e", "á": "a", "ß": "s",
  ]

  /// The letters alone: once with digits taken away, and once with the disguises undone first, as nobody can tell which was
  /// meant. `l` and `1` stand for `i` in both, so that `1` may have been either.
  private static func readings(_ text: String) -> Set<String> {
    func letters(_ characters: some Sequence<Character>) -> String {
      String(characters.filter { $0.isLetter }.map { $0 == "l" ? "i" : $0 })
    }
    let core = text.trimmingCharacters(in: CharacterSet.letters.inverted)
    return [letters(text), letters(undisguised(text)), letters(undisguised(core))]
  }

  private static func undisguised(_ text: String) -> String { String(text.map { disguises[$0] ?? $0 }) }

  /// What is left without these words, and without anything but letters and digits, is short.
  private static func isMadeOf(_ text: String, _ words: [String]) -> Bool {
    let parts = words.flatMap { word in
      let whole = folded(word).filter { $0.isLetter || $0.isNumber }
      return [whole] + folded(word).split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
    func plain(_ characters: some Sequence<Character>) -> String {
      String(characters.filter { $0.isLetter || $0.isNumber })
    }
    let readings = [plain(text), plain(undisguised(plain(text))), plain(undisguised(text))]
    return readings.contains { reading in
      var rest = reading
      for part in Set(parts).sorted(by: { ($0.count, $0) > ($1.count, $1) }) where part.count >= 3 {
        rest = rest.replacing(part, with: "")
      }
      return rest.count < reading.count && rest.count < 6
    }
  }

  /// Letters that are one, two or three words of the list, with at most ten other characters around and between them.
  private static func isCommon(_ text: String) -> Bool {
    let others = text.count { !$0.isLetter }
    guard others <= 10 else { return false }
    return readings(text).contains { reading in
      guard reading.count >= 4 else { return true }
      if CommonPasswords.phrases.contains(reading) { return true }
      return isMade(Array(reading), words: 3)
    }
  }

  /// Whether the letters can be taken apart into so many words of the list, the last of them cut off or not.
  private static func isMade(_ letters: [Character], words: Int) -> Bool {
    if letters.isEmpty { return true }
    guard words > 0 else { return false }
    return (3...max(3, min(CommonPasswords.longest, letters.count))).contains { length in
      length <= letters.count && CommonPasswords.words.contains(String(letters[..<length]))
        && isMade(Array(letters[length...]), words: words - 1)
    }
  }
}
