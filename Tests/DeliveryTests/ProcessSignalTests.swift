import Foundation
import Rotation
import Testing

@testable import Delivery

@Suite("A signal by pid file", .timeLimit(.minutes(1)))
struct ProcessSignalTests {
  private let access = TargetAccess.local()

  @Test("reaches the process, and looking whether it could sends nothing", arguments: ["HUP", "USR1", "USR2", "WINCH"])
  func reaches(name: String) async throws {
    let child = try Child("exec 3<&0; trap 'exit 42' \(name); echo ready; cat <&3 & wait; exit 1")
    defer { child.end() }
    let folder = try TestFolder()
    // As PostgreSQL writes it, with more lines below.
    let file = try folder.write("\(child.process)\n/var/lib/data\n5432\n", to: "pid")
    try folder.link("link", to: "pid")
    try await access.checkSignal(name, file)
    #expect(isAlive(child.process))
    try await access.signal(name, folder.path("link"))
    #expect(await child.status() == 42)
  }

  @Test("that no activation may send is refused", arguments: ["KILL", "SIGHUP", "hup", "", "1", "STOP"])
  func unknown(name: String) async throws {
    let child = try Child("read line")
    defer { child.end() }
    let folder = try TestFolder()
    let file = try folder.write("\(child.process)", to: "pid")
    #expect(await code { try await access.signal(name, file) } == "SIGNAL_UNKNOWN")
    #expect(isAlive(child.process))
  }

  @Test(
    "is refused where the file holds no number of another process",
    arguments: [
      ("nothing", ""), ("an empty first line", "\n4711\n"), ("a word", "nginx"), ("a negative number", "-4711"),
      ("nought", "0"), ("the first process", "1"), ("a sign", "+4711"), ("two numbers", "4711 4712"),
      ("a fraction", "4711.0"), ("hexadecimal digits", "0x10"), ("more than a number can hold", "99999999999"),
      ("more than a process can have", "4294967297"), ("digits of another script", "٤٧١١"),
      ("Reroot's own number", "\(getpid())"), ("Reroot's own with spaces", "  \(getpid())  \n"),
      ("Reroot's own with noughts", "000\(getpid())"),
    ])
  func invalid(name: String, content: String) async throws {
    let folder = try TestFolder()
    let file = try folder.write(content, to: "pid")
    let failure = await failure { try await access.checkSignal("WINCH", file) }
    #expect(failure?.code == "PID_FILE_INVALID")
    #expect(failure?.failure.sentence.contains(file) == true)
  }

  @Test("is refused where the number is that of a thread, Reroot's own or another process's")
  func threads() async throws {
    let folder = try TestFolder()
    let child = try Child(
      python: "import threading; threading.Thread(target=input).start(); print('ready', flush=True)")
    defer { child.end() }
    for process in [getpid(), child.process] {
      let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
      let other = try #require(threads.first { $0 != "\(process)" })
      let file = try folder.write(other, to: "pid")
      #expect(await code { try await access.checkSignal("WINCH", file) } == "PID_FILE_STALE")
    }
  }

  @Test("is refused where the process has ended, also when nobody has taken note of that yet")
  func stale() async throws {
    let folder = try TestFolder()
    let child = try Child("exit 0")
    let file = try folder.write("\(child.process)", to: "pid")
    // Nobody has waited for it yet.
    #expect(await eventually { !isAlive(child.process) })
    #expect(await code { try await access.signal("HUP", file) } == "PID_FILE_STALE")
    #expect(await child.status() == 0)
    let failure = await failure { try await access.signal("HUP", file) }
    #expect(failure?.code == "PID_FILE_STALE")
    #expect(failure?.failure.sentence.contains("\(child.process)") == true)
  }

  @Test("reaches a process whose first thread has ended and whose others work")
  func firstThreadEnded() async throws {
    let child = try Child(
      python: """
        import ctypes, signal, threading, os, sys
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        def work():
          print('ready', flush=True)
          signal.sigwait([signal.SIGUSR1])
          os._exit(42)
        threading.Thread(target=work).start()
        # exit(2) of the kernel, which ends one thread only.
        ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
        """)
    defer { child.end() }
    let folder = try TestFolder()
    let file = try folder.write("\(child.process)", to: "pid")
    #expect(await eventually { !isAlive(child.process) })
    try await access.signal("USR1", file)
    #expect(await child.status() == 42)
  }

  @Test(
    "is refused where the file is missing, or is none",
    arguments: [
      ("none", "PID_FILE_MISSING"), ("no folder/none", "PID_FILE_MISSING"), ("folder", "FOLDER_IN_THE_WAY"),
      ("pipe", "NOT_A_FILE"), ("large", "FILE_TOO_LARGE"),
    ])
  func noFile(name: String, expected: String) async throws {
    let folder = try TestFolder()
    try folder.folder("folder")
    mkfifo(folder.path("pipe"), 0o600)
    try folder.write(String(repeating: "1", count: TargetFile.maximumBytes + 1), to: "large")
    #expect(await code { try await access.checkSignal("HUP", folder.path(name)) } == expected)
  }

  @Test("is refused where everybody can write the file")
  func writableByAll() async throws {
    let folder = try TestFolder()
    let child = try Child("read line")
    defer { child.end() }
    let file = try folder.write("\(child.process)", to: "pid", mode: 0o666)
    let failure = await failure { try await access.signal("TERM", file) }
    #expect(failure?.code == "PID_FILE_NOT_TRUSTED")
    #expect(failure?.failure.sentence.contains("everybody else") == true)
    #expect(isAlive(child.process))
  }

  @Test(
    "is refused where the file is another user's than the process", .enabled(if: isRoot, "giving away takes root"))
  func foreignFile() async throws {
    let folder = try TestFolder()
    let child = try Child("read line")
    defer { child.end() }
    let file = try folder.write("\(child.process)", to: "pid")
    try folder.giveAway("pid", to: 65_534, group: 65_534)
    #expect(await code { try await access.signal("TERM", file) } == "PID_FILE_NOT_TRUSTED")
    #expect(isAlive(child.process))
  }

  @Test("to another user's process is refused with the reason", .enabled(if: isRoot, "giving up rights takes root"))
  func foreignProcess() async throws {
    let folder = try TestFolder()
    let child = try Child("read line")
    defer { child.end() }
    let file = try folder.write("\(child.process)", to: "pid")
    await #expect(processExitsWith: .success) { [file = file as String] in
      try await unprivileged {
        let access = TargetAccess.local()
        for failed in [
          await failure { try await access.signal("TERM", file) },
          await failure { try await access.checkSignal("TERM", file) },
        ] {
          #expect(failed?.code == "SIGNAL_REFUSED", "\(failed?.description ?? "sent")")
          #expect(failed?.failure.sentence.contains("SIGTERM") == true)
        }
      }
    }
    #expect(isAlive(child.process))
  }
}

/// A process that has begun to work, and that nobody but `status` waits for.
private final class Child: Sendable {
  let process: pid_t
  private let input: Int32
  private let output: Int32

  /// Runs a shell's script; it has begun when it says its first word.
  convenience init(_ script: String) throws {
    try self.init(["/bin/sh", "-c", script.contains("echo ready") ? script : "echo ready; " + script])
  }

  /// Runs Python's.
  convenience init(python script: String) throws { try self.init(["/usr/bin/env", "python3", "-c", script]) }

  private init(_ words: [String]) throws {
    var toChild: [Int32] = [-1, -1]
    var fromChild: [Int32] = [-1, -1]
    guard pipe(&toChild) == 0, pipe(&fromChild) == 0 else { throw DeliveryFailure.system(errno, "Making a pipe") }
    for end in toChild + fromChild { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, toChild[0], 0)
    posix_spawn_file_actions_adddup2(&actions, fromChild[1], 1)
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var process: pid_t = 0
    // The threads of Swift's pool block most signals, and a child would go on blocking them.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let result = posix_spawn(&process, words[0], &actions, &attributes, &arguments, environ)
    close(toChild[0])
    close(fromChild[1])
    output = fromChild[0]
    self.process = process
    input = toChild[1]
    guard result == 0 else { throw DeliveryFailure.system(result, "Starting \(words[0])") }
    var said: [UInt8] = [0]
    while said.last != UInt8(ascii: "\n") {
      var byte: UInt8 = 0
      let count = read(output, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { throw DeliveryFailure(code: "CHILD", sentence: "It ended at once.", advice: "") }
      said.append(byte)
    }
  }

  /// Waits for its end, for ten seconds at most.
  func status() async -> Int32? {
    var status: Int32 = 0
    let process = process
    guard await eventually({ waitpid(process, &status, WNOHANG) == process }) else { return nil }
    return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
  }

  deinit { close(output) }

  /// Ends it where it still works.
  func end() {
    close(input)
    var status: Int32 = 0
    if waitpid(process, &status, WNOHANG) == 0 {
      kill(process, SIGKILL)
      waitpid(process, &status, 0)
    }
  }
}
