import PKI
import Rotation

extension TargetAccess {
  /// This machine. Files are handled on `threads`; commands run as the user that Reroot runs as.
  public static func local(threads: WorkThreads = .files) -> TargetAccess {
    local(threads: threads, own: .none)
  }

  /// The same, keeping out of what is Reroot's own, and telling every step of a replacement to `observe` right after it; what
  /// it throws fails that step.
  static func local(
    threads: WorkThreads = .files, own: Belongings = .none,
    observe: @escaping @Sendable (ReplacementStep) throws -> Void = { _ in }
  ) -> TargetAccess {
    TargetAccess(
      read: { path in try await threads.run { try FileReading.read([path], own: own)[0] } },
      replace: { changes in try await threads.run { try Replacement(changes, own: own, observe: observe).perform() } },
      checkWritable: { path in
        try await threads.run {
          try own.requireForeign([path])
          try WritableCheck.check(path)
        }
      },
      run: { words, limit in try await Command(words, timeLimit: limit).run() },
      checkProgram: { program in _ = try await threads.run { try Program.find(program) } },
      signal: { name, file in try await threads.run { try ProcessSignal(name, pidFile: file).send() } },
      checkSignal: { name, file in try await threads.run { try ProcessSignal(name, pidFile: file).check() } },
      reload: { name, file, ports in
        try await threads.run { try ProcessSignal(name, pidFile: file).send(watching: ports) }
      },
      checkOwner: { owner, group in try await threads.run { try Ownership.check(owner: owner, group: group) } },
      converse: { socket, message, limit in
        // Beyond the conversation's own limit only for the sake of whoever is told to end.
        try await WorkThreads.wire.run(within: limit + .seconds(1), expired: { LocalSocket.silent(socket) }) {
          try LocalSocket.converse(socket, message, within: limit)
        }
      },
      recover: { paths in try await threads.run { try CrashRecovery.recover(paths: paths, own: own) } },
      makeKey: { order in try await threads.run { try KeyMaking.make(order, own: own) } },
      readAll: { paths in try await threads.run { try FileReading.read(paths, own: own) } })
  }
}

extension WorkThreads {
  /// For files on this machine. More than a disk does at a time: those that wait for it wait together, since one flush of a
  /// file system's journal serves all who have asked for it.
  public static let files = WorkThreads(count: 16, name: "files")
  /// For handshakes and name resolution. So many that the components of a whole stage may hang at all of their endpoints
  /// while others are still looked at: a thread that waits costs little, and begins only when it is needed.
  public static let wire = WorkThreads(count: 512, name: "wire")
}
