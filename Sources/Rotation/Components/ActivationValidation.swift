extension Activation {
  /// What is wrong with the activation; the fields begin with `activation.`.
  public func problems() -> [FieldProblem] {
    var found: [FieldProblem] = []
    if !Component.Limits.seconds.contains(timeLimit) {
      found.append(
        FieldProblem(field: "activation.time_limit", sentence: "Give a number of seconds from 1 to 3600."))
    }
    if let check, let sentence = Self.problem(check) {
      found.append(FieldProblem(field: "activation.check", sentence: sentence))
    }
    switch method {
    case .none: break
    case .command(let words):
      if let sentence = Self.problem(words) {
        found.append(FieldProblem(field: "activation.command", sentence: sentence))
      }
    case .signal(let name, let pidFile):
      if !Self.signals.contains(name) {
        found.append(
          FieldProblem(
            field: "activation.signal", sentence: "Choose one of \(Self.signals.joined(separator: ", "))."))
      }
      if let sentence = FilePath.problem(pidFile) {
        found.append(FieldProblem(field: "activation.pid_file", sentence: sentence))
      }
    }
    return found
  }

  private static func problem(_ words: [String]) -> String? {
    guard let program = words.first, !program.isEmpty else { return "Give the program, one word to a line." }
    guard Component.Limits.words.contains(words.count) else { return "Give at most 64 words." }
    guard words.allSatisfy({ !$0.unicodeScalars.contains("\0") && $0.utf8.count <= 4096 }) else {
      return "No word may hold a NUL character or be longer than 4096 bytes."
    }
    guard program.hasPrefix("/") else {
      return program.contains(" ")
        ? "Give one word to a line, the program first, by its absolute path; no shell takes the line apart."
        : "Give the program by its absolute path, such as /usr/bin/systemctl; no search path is used."
    }
    return FilePath.problem(program).map { "The program's path cannot be used: \($0)" }
  }
}
