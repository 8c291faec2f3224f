import Store

/// What is wrong with one part of what was given.
struct InputProblem: Sendable, Hashable {
  /// Which part: the field of a form, or the JSON Pointer (RFC 6901) of a member of a body; empty for the whole.
  var field: String
  /// What is wrong, and what is possible.
  var sentence: String

  /// The same with the part in front, for whoever does not see it at its field: a member of a body by its name, what lies
  /// deeper by its pointer.
  var named: String {
    let name = field.hasPrefix("/") && !field.dropFirst().contains("/") ? String(field.dropFirst()) : field
    return name.isEmpty ? sentence : "\(name): \(sentence)"
  }
}

/// What was given cannot be taken, and nothing has changed. The page shows its form again, the API answers 422.
struct InputRefusal: Error, Sendable {
  /// A stable word for programs.
  var code = "INVALID_INPUT"
  /// Everything that is wrong.
  var problems: [InputProblem]
  /// All in one, where nothing is wrong with what was sent but that something more has to be said.
  var summary: (cause: String, advice: Advice)?

  init(code: String = "INVALID_INPUT", _ problems: [InputProblem]) {
    self.code = code
    self.problems = problems
  }

  /// One thing is wrong.
  init(_ field: String, _ sentence: String, code: String = "INVALID_INPUT") {
    self.init(code: code, [InputProblem(field: field, sentence: sentence)])
  }

  /// The same as the tuples that forms are drawn with.
  var fields: [(field: String, sentence: String)] { problems.map { ($0.field, $0.sentence) } }

  /// All in one sentence.
  var sentence: String {
    if let summary { return "\(summary.cause) \(summary.advice.page)" }
    return problems.count == 1
      ? problems[0].sentence : "\(problems.count) things are wrong with what was sent. Nothing was changed."
  }
}
