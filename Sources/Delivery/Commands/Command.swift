import CSpawn
import Foundation
import Rotation
import Subprocess
import Synchronization

#if canImport(System)
  import System
#else
  import SystemPackage
#endif

/// One run of a program: no shell, a process group of its own, an empty input unless it is given one, and nothing of Reroot's but a few
/// variables of its environment.
struct Command: Sendable {
  /// The variables that a program gets, if Reroot has them; the others may hold secrets.
  private static let passedOn = [
    "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
  ]

  private let words: [String]
  private let timeLimit: Duration
  private let input: [UInt8]

  /// The program, then its arguments.
  ///
  /// - Parameter input: what it reads on its standard input, where no argument would keep it from others on this machine.
  init(_ words: [String], timeLimit: Duration, input: [UInt8] = []) {
    self.words = words
    self.timeLimit = timeLimit
    self.input = input
  }

  /// Runs it. Throws when it cannot be started; everything else is in the result.
  ///
  /// After the time limit the whole group gets SIGTERM and half a second later SIGKILL. Children that outlive a program
  /// which ended in time are left alone: they may be the service that it started. To cancel the task that waits ends it
  /// before its time: the group gets the same signals at once, so that it does not go on beside what is done afterwards.
  func run() async throws -> CommandResult {
    let program = try await WorkThreads.files.run { [words] in try Program.find(words.first ?? "") }
    let pipe = try OutputPipe()
    let group = ProcessGroup()
    let answer = FirstAnswer<CommandResult.End>()
    // A task of its own: Subprocess would answer a cancellation with SIGKILL to the leader alone.
    Task.detached { [self] in
      do {
        answer.give(.success(try await spawn(program, output: pipe, group: group)))
      } catch {
        answer.give(.failure(error))
      }
    }
    let watch = Task.detached { [timeLimit] in try await Self.end(group, after: timeLimit, answer: answer) }
    defer { watch.cancel() }
    do {
      let end = try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { answer.wait($0) }
      } onCancel: {
        Task.detached { try await Self.end(group, after: .zero, answer: answer) }
      }
      // A command that was told to end has not run out of its time.
      try Task.checkCancellation()
      return CommandResult(end: end, output: await pipe.finish())
    } catch {
      _ = await pipe.finish()
      throw error is CancellationError ? error : failure(of: error, program: program)
    }
  }

  private func spawn(_ program: String, output: OutputPipe, group: ProcessGroup) async throws -> CommandResult.End {
    if input.isEmpty { return try await spawn(program, reading: .none, output: output, group: group) }
    let file = FileDescriptor(rawValue: try Self.memoryFile(input))
    return try await spawn(
      program, reading: .fileDescriptor(file, closeAfterSpawningProcess: true), output: output, group: group)
  }

  /// A file that is on no disk, and that a program may leave unread: a pipe to one that has ended would be broken.
  private static func memoryFile(_ bytes: [UInt8]) throws -> Int32 {
    let descriptor = reroot_memory_file("input")
    guard descriptor >= 0 else { throw DeliveryFailure.system(errno, "Making the input of a command") }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      guard count > 0 else {
        let number = errno
        close(descriptor)
        throw DeliveryFailure.system(number, "Writing the input of a command")
      }
      rest = rest.dropFirst(count)
    }
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }

  private func spawn(
    _ program: String, reading input: some InputProtocol, output: OutputPipe, group: ProcessGroup
  ) async throws -> CommandResult.End {
    var options = PlatformOptions()
    options.processGroupID = 0
    let result = try await Subprocess.run(
      .path(FilePath(program)), arguments: Arguments(Array(words.dropFirst())), environment: .custom(Self.environment),
      workingDirectory: "/", platformOptions: options, input: input,
      output: .fileDescriptor(FileDescriptor(rawValue: output.takeWriteEnd()), closeAfterSpawningProcess: true),
      error: .combinedWithOutput
    ) { execution in
      group.begin(execution.processIdentifier.value)
    }
    // Whoever is left of a group that was told to end has had its time.
    if group.finish() { return .timedOut }
    switch result.terminationStatus {
    case .exited(let code): return .exited(code)
    case .signaled(let number): return .signalled(number)
    }
  }

  private static func end(_ group: ProcessGroup, after limit: Duration, answer: FirstAnswer<CommandResult.End>)
    async throws
  {
    try await Task.sleep(for: limit)
    group.signal(SIGTERM)
    try await Task.sleep(for: .milliseconds(500))
    group.signal(SIGKILL)
    // A process that waits for a dead disk or a lost network file system does not even end by SIGKILL.
    try await Task.sleep(for: .seconds(2))
    answer.give(.success(.timedOut))
  }

  private static var environment: [Subprocess.Environment.Key: String] {
    var result: [Subprocess.Environment.Key: String] = ["PATH": Program.searchPath]
    for name in passedOn {
      guard let value = getenv(name), let key = Subprocess.Environment.Key(rawValue: name) else { continue }
      result[key] = String(cString: value)
    }
    return result
  }

  private func failure(of error: any Error, program: String) -> DeliveryFailure {
    if let failure = error as? DeliveryFailure { return failure }
    let number = (error as? SubprocessError)?.underlyingError?.rawValue
    let cause = number.map { String(cString: strerror($0)) } ?? "the cause is unknown"
    let advice =
      switch number {
      case ENOEXEC: "A script must begin with #! and the path of its interpreter. Then try again."
      case ENOENT: "The interpreter named in its first line, or its loader, is missing. Install it, then try again."
      case E2BIG: "Shorten the arguments in the component's settings."
      default: "Run it by hand as the user that Reroot runs as, and mend what it says. Then try again."
      }
    return DeliveryFailure(
      code: "PROGRAM_NOT_STARTED", sentence: "The program \(program) could not be started: \(cause).", advice: advice)
  }
}

/// The process group of a running command, which gets signals only while it is known to be that command's.
final class ProcessGroup: Sendable {
  private struct State {
    var leader: pid_t?
    var wasTold = false
    var isFinished = false
  }

  private let state = Mutex(State())

  func begin(_ leader: pid_t) {
    state.withLock { state in
      state.leader = leader
      // The limit was over before the process began.
      if state.wasTold { kill(-leader, SIGKILL) }
    }
  }

  func signal(_ number: Int32) {
    state.withLock { state in
      guard !state.isFinished else { return }
      state.wasTold = true
      if let leader = state.leader { kill(-leader, number) }
    }
  }

  /// Says that the leader has ended; whether it had been told to. Then the rest of the group is killed: the number stays
  /// the group's own while one of its processes lives.
  func finish() -> Bool {
    state.withLock { state in
      state.isFinished = true
      if state.wasTold, let leader = state.leader { kill(-leader, SIGKILL) }
      return state.wasTold
    }
  }
}
