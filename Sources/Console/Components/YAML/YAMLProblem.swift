/// What is wrong in a YAML text, and where.
public struct YAMLProblem: Sendable, Hashable, CustomStringConvertible {
  /// The line, from 1; nil when the whole text is meant.
  public let line: Int?
  /// What is wrong, and what is possible.
  public let sentence: String

  /// Describes a problem.
  public init(line: Int?, sentence: String) {
    self.line = line
    self.sentence = sentence
  }

  /// `line 12: unknown key 'endpoint'; did you mean 'endpoints'?`
  public var description: String { line.map { "line \($0): \(sentence)" } ?? sentence }
}

/// A YAML text was refused; nothing of it was used.
public struct YAMLRefusal: Error, Sendable, Hashable {
  /// Everything that is wrong, in the order of the lines.
  public let problems: [YAMLProblem]

  /// Collects problems, in the order of the lines.
  public init(_ problems: [YAMLProblem]) {
    self.problems = problems.enumerated().sorted { left, right in
      (left.element.line ?? 0, left.offset) < (right.element.line ?? 0, right.offset)
    }.map(\.element)
  }
}
