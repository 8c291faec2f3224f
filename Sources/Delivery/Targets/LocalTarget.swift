import PKI
import Rotation

extension TargetAccess {
  /// This machine. Files are handled on `threads`; commands run as the user that Reroot runs as.
  public static func local(threads: WorkThreads = .files) -> TargetAccess {
    local(threads: threads, observe: { _ in })
  }

  /// The same, telling every step of a replacement to `observe` right after it; what it throws fails that step.
  static func local(
    threads: WorkThreads = .files, observe: @escaping @Sendable (ReplacementStep) throws -> Void
  ) -> TargetAccess {
    TargetAccess(
      read: { path in try await threads.run { try FileReading.read(path) } },
      replace: { changes in try await threads.run { try Replacement(changes, observe: observe).perform() } },
      checkWritable: { path in try await threads.run { try WritableCheck.check(path) } },
      run: { words, limit in try await Command(words, timeLimit: limit).run() },
      checkProgram: { program in _ = try await threads.run { try Program.find(program) } },
      signal: { name, file in try await threads.run { try ProcessSignal(name, pidFile: file).send() } },
      checkSignal: { name, file in try await threads.run { try ProcessSignal(name, pidFile: file).check() } },
      checkOwner: { owner, group in try await threads.run { try Ownership.check(owner: owner, group: group) } },
      converse: { socket, message, limit in
        try await WorkThreads.wire.run { try LocalSocket.converse(socket, message, within: limit) }
      },
      recover: { paths in try await threads.run { try CrashRecovery.recover(paths: paths) } },
      makeKey: { order in try await threads.run { try KeyMaking.make(order) } })
  }
}

extension WorkThreads {
  /// For files on this machine.
  public static let files = WorkThreads(count: 8, name: "files")
  /// For handshakes and name resolution.
  public static let wire = WorkThreads(count: 24, name: "wire")
}
