import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Commands and signals on another machine, by its shell", .timeLimit(.minutes(3))) struct FarCommandTests {
  private let tools: TestFolder
  init() throws { tools = try TestFolder() }

  @Test("Words reach the program as they are", arguments: FarShell.allCases)
  func words(_ shell: FarShell) async throws {
    let words = [
      "printf", "[%s]", "", "a b", "'", "$(id)", "`id`", "\\", "*", "-n", "é\n", ";", "\"", "!x", "~", "#",
      "'\u{301}; exit 3 '\u{301}",
    ]
    let result = try await shell.access(in: tools).run(words, .seconds(20))
    #expect(result.isSuccess)
    #expect(result.output == words.dropFirst(2).map { "[\($0)]" }.joined())
  }

  @Test("It tells how a command ended and what it said", arguments: FarShell.allCases)
  func ending(_ shell: FarShell) async throws {
    let access = try shell.access(in: tools)
    let failed = try await access.run(["sh", "-c", "echo out; echo err >&2; exit 3"], .seconds(20))
    #expect(failed == CommandResult(end: .exited(3), output: "out\nerr\n"))
    let killed = try await access.run(["sh", "-c", "kill -9 $$"], .seconds(20))
    #expect(killed.end == .signalled(9))
    let much = try await access.run(["sh", "-c", "seq 1 100000; echo the end >&2"], .seconds(60))
    #expect(much.output.utf8.count <= CommandOutput.maximumBytes)
    #expect(much.output.hasPrefix("1\n2\n") && much.output.hasSuffix("the end"))
    #expect(await code { _ = try await access.run(["no-such-program"], .seconds(20)) } == "PROGRAM_MISSING")
    #expect(await code { try await access.checkProgram("/no/such") } == "PROGRAM_MISSING")
    #expect(await code { try await access.checkProgram("a/b") } == "PROGRAM_NOT_ABSOLUTE")
    try await access.checkProgram("sh")
  }

  /// Whether a process of that number works.
  private func isAlive(_ file: String) -> Bool {
    guard let text = try? tools.text(file), let number = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
    else { return false }
    return kill(number, 0) == 0
  }

  @Test("When its time is over it is ended with everything that it started", arguments: FarShell.allCases)
  func timeLimit(_ shell: FarShell) async throws {
    let start = ContinuousClock.now
    let result = try await shell.access(in: tools).run(
      ["sh", "-c", "trap '' TERM; echo $$ >\(tools.path("p")); echo begun; sleep 300 & sleep 300"], .seconds(1))
    #expect(result.end == .timedOut)
    #expect(result.output.hasPrefix("begun\n"))
    #expect(ContinuousClock.now - start < .seconds(10))
    #expect(await eventually { !isAlive("p") })
  }

  @Test("A service that a command starts lives on, and holds nobody up", arguments: FarShell.allCases)
  func service(_ shell: FarShell) async throws {
    let start = ContinuousClock.now
    let result = try await shell.access(in: tools).run(
      ["sh", "-c", "sleep 300 & echo $! >\(tools.path("p")); echo started"], .seconds(30))
    #expect(result == CommandResult(end: .exited(0), output: "started\n"))
    #expect(ContinuousClock.now - start < .seconds(15))
    #expect(isAlive("p"))
    if let number = pid_t(try tools.text("p").trimmingCharacters(in: .newlines)) { kill(number, SIGKILL) }
  }

  @Test("When nobody waits for it any more it is ended", arguments: FarShell.allCases)
  func abandoned(_ shell: FarShell) async throws {
    let access = try shell.access(in: tools)
    let task = Task { [tools] in
      try await access.run(["sh", "-c", "echo $$ >\(tools.path("p")); sleep 300"], .seconds(300))
    }
    #expect(await eventually { isAlive("p") })
    task.cancel()
    await #expect(throws: CancellationError.self) { _ = try await task.value }
    #expect(await eventually { !isAlive("p") })
  }

  @Test("A signal goes to the process of a pid file, and to no other", arguments: FarShell.allCases)
  func signals(_ shell: FarShell) async throws {
    let access = try shell.access(in: tools)
    let sleeper = try FarProcess(["sleep", "300"], environment: ["PATH=/usr/bin:/bin"])
    let file = try tools.write("\(sleeper.identifier)\nmore\n", to: "pid", mode: 0o644)
    try await access.checkSignal("HUP", file)
    #expect(kill(sleeper.identifier, 0) == 0)
    chmod(file, 0o666)
    #expect(await code { try await access.signal("HUP", file) } == "PID_FILE_NOT_TRUSTED")
    chmod(file, 0o644)
    try await access.signal("USR1", file)
    #expect(sleeper.wait() == 128 + SIGUSR1)
    #expect(await code { try await access.signal("HUP", file) } == "PID_FILE_STALE")
    for (text, expected) in [("x", "PID_FILE_INVALID"), ("1", "PID_FILE_INVALID"), ("-1", "PID_FILE_INVALID")] {
      try tools.write(text, to: "pid")
      #expect(await code { try await access.checkSignal("HUP", file) } == expected)
    }
    #expect(await code { try await access.checkSignal("HUP", tools.path("none")) } == "PID_FILE_MISSING")
    #expect(await code { try await access.checkSignal("KILL", file) } == "SIGNAL_UNKNOWN")
  }

  @Test("Owners that do not exist are found", arguments: FarShell.allCases)
  func owners(_ shell: FarShell) async throws {
    let access = try shell.access(in: tools)
    try await access.checkOwner(String(geteuid()), String(getegid()))
    #expect(await code { try await access.checkOwner("no-such-user", nil) } == "OWNER_UNKNOWN")
    #expect(await code { try await access.checkOwner(nil, "no-such-group") } == "GROUP_UNKNOWN")
  }

  @Test("A key is in no argument of any process while it is replaced", arguments: FarShell.allCases)
  func secrecy(_ shell: FarShell) async throws {
    let access = try shell.access(in: tools)
    // 48 bytes are 64 digits of base64, without a rest.
    let secret = String(repeating: "-----BEGIN PRIVATE KEY-----+reroot+the+secret+++", count: 2000)
    let digits = Data(secret.utf8.prefix(48)).base64EncodedString()
    let change = FileChange(path: tools.path("key"), content: SecretBytes(utf8: secret), mode: 0o600)
    let isDone = Counter()
    let task = Task {
      defer { isDone.next() }
      for _ in 0..<3 { try await access.replace([change]) }
    }
    var looks = 0
    while isDone.value == 0 {
      for number in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int32(number) != nil {
        guard let words = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") else { continue }
        #expect(words.range(of: Data(digits.utf8)) == nil && words.range(of: Data("the+secret".utf8)) == nil)
      }
      looks += 1
      await Task.yield()
    }
    try await task.value
    #expect(looks > 0)
    #expect(try tools.text("key") == secret)
  }
}
