import PKI
import Yams

/// Collects what is wrong while a tree is read, so that all of it is said at once.
final class YAMLProblems {
  /// More than anybody reads in one go.
  private static let limit = 100
  private(set) var found: [YAMLProblem] = []

  func add(_ line: Int?, _ sentence: String) {
    if found.count < Self.limit { found.append(YAMLProblem(line: line, sentence: sentence)) }
  }
}

/// One mapping of a YAML tree whose keys are known beforehand.
struct YAMLMapping {
  private let values: [String: Node]
  private let problems: YAMLProblems
  /// The line at which the mapping begins.
  let line: Int?

  /// Reads a mapping and reports every key that is not known. Nil, reported, when the node is something else.
  init?(_ node: Node, what: String, known: [String], problems: YAMLProblems) {
    guard case .mapping(let mapping) = node else {
      problems.add(node.mark?.line, "\(what) must be a list of keys and values, not \(Self.kind(node))")
      return nil
    }
    var values: [String: Node] = [:]
    for (key, value) in mapping {
      guard case .scalar(let scalar) = key else {
        problems.add(key.mark?.line, "a key must be a word")
        continue
      }
      if known.contains(scalar.string) {
        values[scalar.string] = value
      } else {
        problems.add(key.mark?.line, Self.unknown(scalar.string, known))
      }
    }
    self.values = values
    self.problems = problems
    line = node.mark?.line
  }

  /// The line of a key's value, or of the mapping.
  func line(_ key: String) -> Int? { values[key]?.mark?.line ?? line }

  /// Whether the key is there and not empty.
  func has(_ key: String) -> Bool { values[key].map { !Self.isEmpty($0) } ?? false }

  /// Whether the key is there, though perhaps empty.
  func isGiven(_ key: String) -> Bool { values[key] != nil }

  /// A text; nil when the key is missing or empty.
  func text(_ key: String) -> String? {
    guard let node = values[key], !Self.isEmpty(node) else { return nil }
    guard case .scalar(let scalar) = node else {
      problems.add(node.mark?.line, "'\(key)' must be text, not \(Self.kind(node))")
      return nil
    }
    return scalar.string
  }

  /// A whole number.
  func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
    guard let text = text(key) else { return nil }
    guard text.utf8.count <= 12, let number = Int(text), range.contains(number) else {
      problems.add(line(key), "'\(key)' must be a whole number from \(range.lowerBound) to \(range.upperBound)")
      return nil
    }
    return number
  }

  /// One of the known words.
  func choice<Value: RawRepresentable & CaseIterable>(_ key: String, _: Value.Type) -> Value?
  where Value.RawValue == String {
    guard let text = text(key) else { return nil }
    if let value = Value(rawValue: text) { return value }
    let words = Value.allCases.map(\.rawValue)
    let guess = Self.closest(text, words).map { "; did you mean '\($0)'?" } ?? ""
    problems.add(
      line(key), "'\(key)' must be one of \(words.joined(separator: ", ")), not '\(Self.shown(text))'\(guess)")
    return nil
  }

  /// True or false.
  func flag(_ key: String) -> Bool? {
    guard let text = text(key) else { return nil }
    switch text {
    case "true": return true
    case "false": return false
    default:
      problems.add(line(key), "'\(key)' must be true or false, not '\(Self.shown(text))'")
      return nil
    }
  }

  /// Whether the key's value is keys and values of its own.
  func isMapping(_ key: String) -> Bool {
    if case .mapping = values[key] { true } else { false }
  }

  /// Whether the key's value is a list.
  func isSequence(_ key: String) -> Bool {
    if case .sequence = values[key] { true } else { false }
  }

  /// A list of texts; nil when the key is missing.
  func texts(_ key: String) -> [String]? {
    items(key)?.compactMap { node in
      guard case .scalar(let scalar) = node else {
        problems.add(node.mark?.line, "'\(key)' must be a list of texts, not of \(Self.kind(node))")
        return nil
      }
      return scalar.string
    }
  }

  /// The nodes of a list; nil when the key is missing or empty.
  func items(_ key: String) -> [Node]? {
    guard let node = values[key], !Self.isEmpty(node) else { return nil }
    guard case .sequence(let sequence) = node else {
      problems.add(node.mark?.line, "'\(key)' must be a list, not \(Self.kind(node))")
      return nil
    }
    return Array(sequence)
  }

  /// A mapping below this one; nil when the key is missing.
  func mapping(_ key: String, known: [String]) -> YAMLMapping? {
    guard let node = values[key], !Self.isEmpty(node) else { return nil }
    return YAMLMapping(node, what: "'\(key)'", known: known, problems: problems)
  }

  private static func isEmpty(_ node: Node) -> Bool {
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null"].contains(scalar.string)
  }

  private static func kind(_ node: Node) -> String {
    switch node {
    case .scalar: "text"
    case .mapping: "keys and values"
    case .sequence: "a list"
    case .alias: "an alias"
    }
  }

  private static func unknown(_ key: String, _ known: [String]) -> String {
    let guess =
      closest(key, known).map { "; did you mean '\($0)'?" } ?? "; possible are \(known.joined(separator: ", "))"
    return "unknown key '\(shown(key))'\(guess)"
  }

  static func shown(_ text: String) -> String {
    VisibleText.of(text, limit: 60)
  }

  /// The word that a person most likely meant; nil when none is close.
  static func closest(_ word: String, _ words: [String]) -> String? {
    guard word.utf8.count <= 64 else { return nil }
    let folded = word.lowercased().replacing("-", with: "_")
    let ranked = words.map { (word: $0, distance: distance(folded, $0)) }.min { $0.distance < $1.distance }
    return ranked.flatMap { $0.distance <= max(2, $0.word.count / 3) ? $0.word : nil }
  }

  /// Levenshtein's distance: how many letters must be put in, taken out or changed.
  private static func distance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in right.indices {
        let above = row[column + 1]
        row[column + 1] = min(above + 1, row[column] + 1, diagonal + (letter == right[column] ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
