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
