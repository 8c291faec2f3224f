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
    case .haproxySocket(let socket):
      if let sentence = FilePath.problem(socket) ?? Self.socketProblem(socket) {
        found.append(FieldProblem(field: "activation.haproxy_socket", sentence: sentence))
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

  private static func socketProblem(_ path: String) -> String? {
    path.utf8.count > 107 ? "The path of a socket may have at most 107 bytes." : nil
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

extension Component {
  /// What HAProxy's runtime API asks of the rest of the component.
  var haproxyProblems: [FieldProblem] {
    guard case .haproxySocket = activation.method else { return [] }
    let field = "activation.haproxy_socket"
    if target != .local {
      let sentence = "HAProxy's socket can be used on this machine only; over SSH, let a command reload HAProxy."
      return [FieldProblem(field: field, sentence: sentence)]
    }
    guard files.combined != nil else {
      let sentence = "HAProxy takes certificate and key as one: give a combined file, or activate it by a reload."
      return [FieldProblem(field: field, sentence: sentence)]
    }
    // HAProxy takes a line apart at spaces and semicolons, and knows backslashes; no path may mean more than itself.
    let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-@+")
    return files.paths.filter { !$0.path.allSatisfy(plain.contains) }.map { role, path in
      FieldProblem(
        field: role.field,
        sentence:
          "HAProxy's socket takes only paths of letters, digits and “/._-@+”; \(FieldText.shown(path)) is another.")
    }
  }
}
