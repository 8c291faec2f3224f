import Yams

/// One setting of a configuration file, as it is written there.
public struct WrittenSetting: Sendable, Hashable {
  /// Its key.
  public let key: String
  /// Its values: one, or those of a list.
  public let values: [String]
  /// The line of the value, from 1.
  public let line: Int?
}

/// Reads the YAML text of a configuration file: keys with one value each, or with a list.
public enum ConfigurationText {
  /// The keys that a configuration file may have, by what they take.
  public struct Keys: Sendable, Hashable {
    /// Those with one value.
    public var single: [String] = []
    /// Those with one value or a list.
    public var lists: [String] = []
    /// Those that are true or false.
    public var flags: [String] = []

    /// No keys.
    public init() {}

    /// All of them.
    public var all: [String] { single + lists + flags }
  }

  /// The settings that the text gives, in the order of the keys. A key without a value, and a flag that is false, gives none.
  ///
  /// - Throws: ``YAMLRefusal`` with everything that is wrong: unknown keys, and values of another type, each with its line.
  public static func settings(in text: String, _ keys: Keys) throws -> [WrittenSetting] {
    let read = try read(text, keys)
    guard read.problems.isEmpty else { throw YAMLRefusal(read.problems) }
    return read.settings
  }

  /// The same for whoever judges the values, too: the settings that can be read, and what is wrong with the others.
  ///
  /// - Throws: ``YAMLRefusal`` for a text in which no settings can be told apart.
  public static func read(
    _ text: String, _ keys: Keys
  ) throws -> (settings: [WrittenSetting], problems: [YAMLProblem]) {
    // Where every setting is still commented out, there is no value to read.
    guard !isEmpty(text) else { return ([], []) }
    let problems = YAMLProblems()
    let single = withoutRepeated(text, problems)
    let root: Node
    do {
      root = try YAMLText.root(of: single)
    } catch let refusal as YAMLRefusal {
      throw YAMLRefusal(problems.found + refusal.problems)
    }
    let map = YAMLMapping(root, what: "The file", known: keys.all, problems: problems)
    let found = keys.all.compactMap { key -> WrittenSetting? in
      guard let map, map.has(key), let values = values(of: key, in: map, keys) else { return nil }
      return WrittenSetting(key: key, values: values, line: map.line(key))
    }
    return (found, problems.found)
  }

  /// The text with empty lines in the place of every setting whose key stood before, which is reported: a reader of YAML
  /// stops at such a key, and would say nothing of the rest.
  private static func withoutRepeated(_ text: String, _ problems: YAMLProblems) -> String {
    var known: Set<Substring> = []
    var isRepeated = false
    return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().map { index, line in
      // A setting ends where the next line begins with a key, or where the document does; what is indented, a comment or an
      // item belongs to it.
      if line.hasPrefix("---") || line.hasPrefix("...") {
        known = []
        isRepeated = false
      }
      if let first = line.first, first.isLetter, let end = line.firstIndex(of: ":") {
        isRepeated = !known.insert(line[..<end]).inserted
        if isRepeated {
          problems.add(index + 1, "the key '\(YAMLMapping.shown(String(line[..<end])))' is given twice")
        }
      }
      return isRepeated ? "" : line
    }
    .joined(separator: "\n")
  }

  private static func values(of key: String, in map: YAMLMapping, _ keys: Keys) -> [String]? {
    if keys.flags.contains(key) { return map.flag(key) == true ? ["true"] : nil }
    return keys.lists.contains(key) && map.isSequence(key) ? map.texts(key) : map.text(key).map { [$0] }
  }

  private static func isEmpty(_ text: String) -> Bool {
    text.split(whereSeparator: \.isNewline).allSatisfy { line in
      let words = line.drop { $0 == " " }
      return words.isEmpty || words.first == "#"
    }
  }
}
