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
    // Where every setting is still commented out, there is no value to read.
    guard !isEmpty(text) else { return [] }
    let problems = YAMLProblems()
    let map = YAMLMapping(try YAMLText.root(of: text), what: "The file", known: keys.all, problems: problems)
    let found = keys.all.compactMap { key -> WrittenSetting? in
      guard let map, map.has(key), let values = values(of: key, in: map, keys) else { return nil }
      return WrittenSetting(key: key, values: values, line: map.line(key))
    }
    guard problems.found.isEmpty else { throw YAMLRefusal(problems.found) }
    return found
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
