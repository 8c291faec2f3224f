import Foundation
import Rotation
import Testing

@testable import Delivery

@Suite("A command", .timeLimit(.minutes(1)))
struct CommandTests {
  private let access = TargetAccess.local()

  private func shell(_ script: String, limit: Duration = .seconds(20)) async throws -> CommandResult {
    try await access.run(["/bin/sh", "-c", script], limit)
  }

  @Test(
    "ends as it ended",
    arguments: [
      ("true", .exited(0)), ("exit 7", .exited(7)), ("exit 255", .exited(255)), ("kill -TERM $$", .signalled(SIGTERM)),
      ("kill -KILL $$", .signalled(SIGKILL)),
    ] as [(String, CommandResult.End)])
  func end(script: String, expected: CommandResult.End) async throws {
    let result = try await shell(script)
    #expect(result.end == expected)
    #expect(result.isSuccess == (script == "true"))
  }

  @Test("has both its outputs told in the order in which they came")
  func outputs() async throws {
    #expect(try await shell("echo one; echo two >&2; echo three").output == "one\ntwo\nthree\n")
  }

  @Test("gets its words as they are, whatever is in them")
  func words() async throws {
    let words = ["", " a  b ", "$HOME", "`id`", "*", "'\"\\", "ä€😀", "--", "line\nbreak"]
    let result = try await access.run(["/usr/bin/printf", "[%s]"] + words, .seconds(20))
    #expect(result.output == words.map { "[\($0)]" }.joined())
  }

  @Test("is found on the search path by its name alone")
  func searchPath() async throws {
    try await access.checkProgram("true")
    #expect(try await access.run(["true"], .seconds(20)).isSuccess)
  }

  @Test("has an empty input, so that it cannot wait for one")
  func input() async throws {
    let result = try await access.run(["/bin/cat"], .seconds(20))
    #expect(result == CommandResult(end: .exited(0), output: ""))
  }

  @Test("gets nothing of Reroot's environment but what it needs, least of all a secret")
  func environment() async throws {
    // In a process of its own, because setting a variable while others read them is not safe.
    await #expect(processExitsWith: .success) {
      setenv("REROOT_TEST_SECRET", "s3cret", 1)
      setenv("LD_PRELOAD_TEST", "x", 1)
      setenv("TZ", "Europe/Berlin", 1)
      let result = try await TargetAccess.local().run(["/usr/bin/env"], .seconds(20))
      #expect(result.isSuccess && !result.output.contains("s3cret"))
      let lines = result.output.split(separator: "\n")
      let names = Set(lines.compactMap { $0.split(separator: "=").first.map(String.init) })
      let allowed: Set = [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "XDG_RUNTIME_DIR",
        "DBUS_SESSION_BUS_ADDRESS",
      ]
      #expect(names.contains("PATH") && names.contains("TZ"))
      #expect(names.isSubset(of: allowed), "\(names.subtracting(allowed))")
    }
  }

  @Test("gets no descriptor of Reroot's, runs in the root folder, and takes signals as usual")
  func surroundings() async throws {
    let folder = try TestFolder()
    // One that a library might have left open for children.
    let leaked = open(try folder.write("secret", to: "a"), O_RDONLY)
    defer { close(leaked) }
    #expect(try await access.run(["/bin/pwd"], .seconds(20)).output == "/\n")
    let descriptors = try await shell("for f in /proc/$$/fd/*; do readlink $f; done")
    #expect(!descriptors.output.contains(folder.path), "\(descriptors.output)")
    #expect(descriptors.output.split(separator: "\n").count <= 3, "\(descriptors.output)")
    // Reroot ignores SIGPIPE; a command that did would not end when its reader has.
    signal(SIGPIPE, SIG_IGN)
    let status = try await access.run(["/bin/grep", "-E", "SigIgn|SigBlk", "/proc/self/status"], .seconds(20))
    for line in status.output.split(separator: "\n") {
      let signals = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
      // The C library's own two above these come and go.
      #expect(signals & 0x7FFF_FFFF == 0, "\(line)")
    }
  }

  @Test("leaves no descriptor behind, whether it runs or cannot be started")
  func descriptors() async throws {
    let folder = try TestFolder()
    let script = try folder.write("#!/no/such/interpreter\n", to: "script", mode: 0o755)
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    _ = try await access.run(["/bin/true"], .seconds(20))
    let before = try count()
    for _ in 0..<40 {
      _ = try await access.run(["/bin/true"], .seconds(20))
      #expect(await code { _ = try await access.run([script], .seconds(20)) } == "PROGRAM_NOT_STARTED")
    }
    // Other tests open and close theirs at the same time; 80 leaks would not go away.
    #expect(await eventually { ((try? count()) ?? .max) < before + 20 })
  }

  /// A program that cannot be run, and why.
  struct Unusable: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let program: String
    var testDescription: String { name }
  }

  @Test(
    "that cannot be run says why, when it is looked for as when it is to run",
    arguments: [
      Unusable(name: "no word", code: "PROGRAM_MISSING", program: ""),
      Unusable(name: "no such file", code: "PROGRAM_MISSING", program: "/no/such/program"),
      Unusable(name: "no such name", code: "PROGRAM_MISSING", program: "no-such-program"),
      Unusable(name: "a relative path", code: "PROGRAM_NOT_ABSOLUTE", program: "bin/true"),
      Unusable(name: "a folder", code: "PROGRAM_NOT_EXECUTABLE", program: "/usr/bin"),
      Unusable(name: "a file that is no program", code: "PROGRAM_NOT_EXECUTABLE", program: "/etc/passwd"),
      Unusable(name: "a device", code: "PROGRAM_NOT_EXECUTABLE", program: "/dev/null"),
    ])
  func unusable(row: Unusable) async {
    let found = await failure { try await access.checkProgram(row.program) }
    #expect(found?.code == row.code)
    #expect(found?.failure.advice.isEmpty == false)
    #expect(await code { _ = try await access.run([row.program], .seconds(20)) } == row.code)
  }

  @Test(
    "that the system does not start says why",
    arguments: [
      ("no interpreter named", "echo\n", "must begin with #!"),
      ("a missing interpreter", "#!/no/such/interpreter\n", "is missing"),
    ])
  func notStarted(name: String, content: String, advice: String) async throws {
    let folder = try TestFolder()
    let script = try folder.write(content, to: "script", mode: 0o755)
    let found = await failure { _ = try await access.run([script], .seconds(20)) }
    #expect(found?.code == "PROGRAM_NOT_STARTED")
    #expect(found?.failure.sentence.contains(script) == true)
    #expect(found?.failure.advice.contains(advice) == true, "\(found?.description ?? "")")
  }

  @Test("without any word is refused")
  func noWord() async {
    #expect(await code { _ = try await access.run([], .seconds(20)) } == "PROGRAM_MISSING")
  }

  @Test("that takes too long is ended with its children and theirs, the stubborn ones too")
  func timeLimit() async throws {
    let script = """
      sleep 300 & echo $!
      sh -c 'trap "" TERM; sleep 300 & echo $!; echo $$; wait; wait; sleep 300' &
      trap '' TERM
      echo $$
      sleep 300
      sleep 300
      """
    let start = ContinuousClock.now
    let result = try await shell(script, limit: .milliseconds(400))
    #expect(result.end == .timedOut)
    #expect(ContinuousClock.now - start < .seconds(10))
    let processes = result.output.split(separator: "\n").compactMap { pid_t($0) }
    #expect(processes.count == 4, "\(result.output)")
    #expect(await eventually { !processes.contains(where: isAlive) })
  }

  @Test("that ends by itself on being told to has taken too long all the same")
  func endsOnTerm() async throws {
    let result = try await shell("trap 'echo stopping; exit 0' TERM; echo begun; sleep 300", limit: .milliseconds(300))
    #expect(result.end == .timedOut)
    #expect(result.output.hasPrefix("begun\n"))
  }

  @Test("may leave a service running, and is not waited for because that holds its output")
  func service() async throws {
    let start = ContinuousClock.now
    let result = try await shell("sleep 300 & echo $!")
    #expect(result.end == .exited(0))
    #expect(ContinuousClock.now - start < .seconds(10))
    let service = try #require(pid_t(result.output.trimmingCharacters(in: .newlines)))
    #expect(isAlive(service))
    kill(service, SIGKILL)
    #expect(await eventually { !isAlive(service) })
  }

  @Test("that floods its output is heard to the end, and its output kept to 16 KiB of beginning and end")
  func flood() async throws {
    let result = try await shell("echo first; yes 'a line of many' | head -c 20000000; echo; echo last; exit 3")
    #expect(result.end == .exited(3))
    #expect(result.output.utf8.count <= CommandOutput.maximumBytes)
    #expect(result.output.utf8.count > 12 << 10)
    #expect(result.output.hasPrefix("first\na line of many\n"))
    #expect(result.output.contains("a line of many\n") && result.output.hasSuffix("\nlast"))
    #expect(result.output.contains("bytes left out here"))
  }

  @Test("that floods for ever is ended at its limit, with what it said kept")
  func endlessFlood() async throws {
    let result = try await access.run(["/usr/bin/yes"], .milliseconds(300))
    #expect(result.end == .timedOut)
    #expect(result.output.hasPrefix("y\ny\n") && result.output.utf8.count <= CommandOutput.maximumBytes)
  }

  @Test("is told to end, with all that it started, when the task that waits for it is cancelled")
  func cancelled() async throws {
    let folder = try TestFolder()
    let fifo = URL(fileURLWithPath: folder.path("fifo"))
    mkfifo(fifo.path, 0o600)
    let task = Task { try await shell("sleep 1000 & echo $! > \(fifo.path); wait; echo done > \(folder.path("done"))") }
    // Opening waits until the command has opened the other end, so it runs by now.
    let said = try await onThread { try FileHandle(forReadingFrom: fifo).readToEnd() }
    let child = try #require(pid_t(String(decoding: said ?? Data(), as: UTF8.self).filter(\.isNumber)))
    #expect(isAlive(child))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(await eventually { !isAlive(child) })
    #expect(!folder.exists("done"))
  }

  @Test("is killed soon after its task was cancelled where it will not hear that it shall end")
  func cancelledDeaf() async throws {
    let folder = try TestFolder()
    let fifo = URL(fileURLWithPath: folder.path("fifo"))
    mkfifo(fifo.path, 0o600)
    let task = Task {
      try await access.run(
        ["/bin/sh", "-c", "trap '' TERM; echo $$ > \(fifo.path); while :; do sleep 1; done"], .seconds(600))
    }
    let said = try await onThread { try FileHandle(forReadingFrom: fifo).readToEnd() }
    let process = try #require(pid_t(String(decoding: said ?? Data(), as: UTF8.self).filter(\.isNumber)))
    let start = ContinuousClock.now
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    #expect(ContinuousClock.now - start < .seconds(3))
    #expect(await eventually { !isAlive(process) })
  }

  private func onThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await WorkThreads(count: 1).run(work)
  }
}

/// Whether a process runs; one that has ended but was not collected does not.
func isAlive(_ process: pid_t) -> Bool {
  guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
  return line.split(separator: ")").last?.split(separator: " ").first != "Z"
}
