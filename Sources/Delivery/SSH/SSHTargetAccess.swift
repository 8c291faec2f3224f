import Foundation
import PKI
import Rotation

/// How a script is carried to a machine and what comes back brought home; tests put another in the place of ssh.
typealias FarRun = @Sendable (_ script: FarScript, _ limit: Duration) async throws -> FarAnswer

extension TargetAccess {
  /// A machine behind SSH. Every operation is one script there.
  static func ssh(_ target: SSHTarget, over run: @escaping FarRun) -> TargetAccess {
    let far = FarOperations(target: target, carry: run)
    return TargetAccess(
      read: { try await far.read([$0])[0] },
      replace: { try await far.replace($0) },
      checkWritable: { try await far.checkWritable($0) },
      run: { try await far.run($0, limit: $1) },
      checkProgram: { try await far.checkProgram($0) },
      signal: { try await far.signal($0, pidFile: $1, isReal: true) },
      checkSignal: { try await far.signal($0, pidFile: $1, isReal: false) },
      checkOwner: { try await far.checkOwner($0, $1) },
      recover: { try await far.recover($0) },
      makeKey: { try await far.makeKey($0) },
      states: { try await far.states($0) },
      readAll: { try await far.read($0) },
      lookAtKey: { try await far.lookAtKey($0) })
  }
}

/// The operations of an access, as scripts.
struct FarOperations: Sendable {
  let target: SSHTarget
  let carry: FarRun

  /// Longer than the connection needs to find out that the host does not answer.
  static let look = Duration.seconds(30)
  /// Waiting for a lock may take 20 seconds.
  private static let change = Duration.seconds(60)

  func replace(_ changes: [FileChange]) async throws {
    guard !changes.isEmpty else { return }
    var calls: [String] = []
    var contents: [SecretBytes] = []
    for (index, change) in changes.enumerated() {
      try requirePath(change.path)
      if let source = change.source { try requirePath(source.path) }
      let content = change.content ?? SecretBytes([])
      if content.count > TargetFile.maximumBytes {
        throw FileReading.tooLarge("The new content of \(change.path)", content.count)
      }
      contents.append(content)
      let words = [
        String(index), change.path, change.isRemoval ? "remove" : change.source == nil ? "put" : "copy",
        change.owner ?? "", change.group ?? "", String(change.mode.bits, radix: 8),
        change.source?.sha256 ?? change.content.map(\.sha256Hex) ?? "-", change.source?.path ?? "",
      ]
      calls.append("change \(ShellWord.quoted(words))")
    }
    let script = FarScript(
      [
        FarBasics.reporting, FarBasics.permission, FarBasics.paths, FarLocks.text, FarRecovery.text, FarReading.owner,
        FarReading.opening, FarReplacement.text,
      ],
      call: calls.joined(separator: "\n") + "\nreplace_all \(TransactionNames.fresh().id)", contents: contents)
    _ = try await done(script, Self.change)
  }

  func recover(_ paths: [String]) async throws -> [Recovery] {
    for path in paths { try requirePath(path) }
    guard !paths.isEmpty else { return [] }
    let script = FarScript(
      [
        FarBasics.reporting, FarBasics.permission, FarBasics.paths, FarLocks.text, FarRecovery.text, FarRecovery.paths,
      ], call: "recover_paths \(ShellWord.quoted(paths))")
    return try await done(script, Self.change).reports.filter { $0.first == "recovered" }.map { fields in
      Recovery(
        sentence: "The replacement of \(fields.count > 1 ? fields[1] : "files") was cut short; what it had changed was "
          + "put back.", leftAsFound: fields.dropFirst(2).filter { !$0.isEmpty })
    }
  }

  func checkWritable(_ path: String) async throws {
    try requirePath(path)
    _ = try await done(
      FarScript(
        [FarBasics.reporting, FarBasics.paths, FarChecks.text],
        call: "check_writable \(ShellWord.quoted(path)) \(TransactionNames.fresh().id)"), Self.look)
  }

  func checkProgram(_ program: String) async throws {
    try requireWord(program)
    _ = try await done(
      FarScript(
        [FarBasics.reporting, FarReading.program],
        call: "check_program \(ShellWord.quoted(program)) || give_up"), Self.look)
  }

  func checkOwner(_ owner: String?, _ group: String?) async throws {
    guard owner != nil || group != nil else { return }
    let words = [owner ?? "", group ?? ""]
    for word in words where !word.isEmpty { try requireWord(word) }
    _ = try await done(
      FarScript(
        [FarBasics.reporting, FarReading.owner], call: "check_owner \(ShellWord.quoted(words)) || give_up"), Self.look)
  }

  func signal(_ name: String, pidFile: String, isReal: Bool) async throws {
    try requirePath(pidFile)
    guard Activation.signals.contains(name) else {
      throw DeliveryFailure(
        code: "SIGNAL_UNKNOWN", sentence: "There is no signal “\(name)” that an activation may send.",
        advice: "Choose one of \(Activation.signals.joined(separator: ", ")) in the component's settings.")
    }
    // Looked at again after the word to go on: the number may be another process's by then.
    let look = "find_process \(ShellWord.quoted(pidFile)) || give_up"
    let call = isReal ? "\(look)\ngo\n\(look)\nsend_signal \(name) || give_up" : "\(look)\nsend_signal 0 || give_up"
    _ = try await done(
      FarScript([FarBasics.reporting, FarBasics.permission, FarBasics.paths, FarReading.process], call: call), Self.look
    )
  }

  func run(_ words: [String], limit: Duration) async throws -> CommandResult {
    for word in words { try requireWord(word) }
    let seconds = max(1, limit.components.seconds)
    let script = FarScript(
      [FarBasics.reporting, FarBasics.permission, FarReading.program, FarCommand.text],
      call: "run_command \(seconds) \(ShellWord.quoted(words.isEmpty ? [""] : words))", isPlain: true)
    // The host ends the command itself; what it says of that takes its time.
    let allowed = Duration.seconds(seconds) + .seconds(5)
    let answer = try await carry(script, allowed)
    try check(answer)
    var output = CommandOutput()
    answer.output.withBytes { output.append($0) }
    if answer.report("timedout") != nil { return CommandResult(end: .timedOut, output: output.text) }
    guard let status = answer.report("ended")?.first.flatMap({ Int32($0) }) else { throw cutShort(answer, allowed) }
    // A shell adds 128 to the number of the signal (POSIX, Shell Command Language, 2.8.2).
    let isSignal = (129...159).contains(status)
    return CommandResult(end: isSignal ? .signalled(status - 128) : .exited(status), output: output.text)
  }

  // MARK: What the operations share

  func done(_ script: FarScript, _ limit: Duration) async throws -> FarAnswer {
    let answer = try await carry(script, limit)
    try check(answer)
    guard answer.isDone else { throw cutShort(answer, limit) }
    return answer
  }

  private func check(_ answer: FarAnswer) throws {
    guard let fields = answer.report("fail") else { return }
    let failure = FarFailure(target: target).failure(fields)
    guard let second = answer.report("halfway") else { throw failure }
    throw FarFailure(target: target).halfway(after: failure, second)
  }

  private func cutShort(_ answer: FarAnswer, _ limit: Duration) -> DeliveryFailure {
    let diagnosis = SSHDiagnosis(target: target)
    return answer.isExpired ? diagnosis.silent(limit) : diagnosis.linkLost(answer.noise)
  }

  func notUnderstood(_ task: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "SSH_ANSWER_DAMAGED", sentence: "\(task) on \(target.address) failed: its answer could not be understood.",
      advice: "Check that nothing in the account's login files writes to its output, then try again.")
  }

  func notWhole(_ path: String, _ count: Int, of size: Int) -> DeliveryFailure {
    DeliveryFailure(
      code: "SSH_ANSWER_DAMAGED",
      sentence:
        "Reading \(path) on \(target.address) failed: \(count) bytes arrived that are not the \(size) of the file.",
      advice: "Check the host's disk and its tools head and base64, then try again.")
  }

  func requirePath(_ path: String) throws {
    guard path.hasPrefix("/"), !path.hasSuffix("/"), !path.unicodeScalars.contains(where: { $0.value < 0x20 }) else {
      throw DeliveryFailure(
        code: "PATH_INVALID", sentence: "“\(path)” is not the absolute path of a file.",
        advice: "Correct the path in the component's settings; it begins with a slash and ends with a file's name.")
    }
  }

  private func requireWord(_ word: String) throws {
    guard !word.utf8.contains(0) else {
      throw DeliveryFailure(
        code: "WORD_INVALID", sentence: "A word of the command holds a character of the number 0.",
        advice: "Correct the command in the component's settings.")
    }
  }
}
