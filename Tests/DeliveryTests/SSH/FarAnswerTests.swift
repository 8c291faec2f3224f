import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("What comes back from another machine", .timeLimit(.minutes(2))) struct FarAnswerTests {
  private let tools: TestFolder
  init() throws { tools = try TestFolder() }

  /// A path on which one tool is a script of its own, and the others are what the shell finds else.
  private func path(_ shell: FarShell, with tool: String, _ text: String) throws -> String {
    try tools.folder("own")
    try tools.write("#!/bin/busybox sh\n\(text)\n", to: "own/" + tool, mode: 0o755)
    return "\(tools.path("own")):\(try shell.path(in: tools))"
  }

  @Test("A file of which only the beginning arrives is not taken for the file", arguments: FarShell.allCases)
  func truncated(_ shell: FarShell) async throws {
    try tools.write(String(repeating: "0123456789", count: 100), to: "file")
    for (tool, text) in [
      ("head", "/bin/busybox head -c 300; exit 1"),
      ("base64", "/bin/busybox head -c 300 | /bin/busybox base64; exit 1"),
      // As many bytes, and others.
      ("head", "/bin/busybox tr 0 1"), ("head", "exit 1"),
    ] {
      let access = try shell.access(in: tools, path: try path(shell, with: tool, text))
      let found = await failure { _ = try await access.read(tools.path("file")) }
      #expect(found?.code == "SSH_ANSWER_DAMAGED", "\(tool): \(text)")
      try FileManager.default.removeItem(atPath: tools.path("own"))
    }
    #expect(try await shell.access(in: tools).read(tools.path("file"))?.content.count == 1000)
  }

  @Test("A file that is written to while it is read is not taken", arguments: FarShell.allCases)
  func changing(_ shell: FarShell) async throws {
    let file = try tools.write("old", to: "file")
    let access = try shell.access(in: tools, path: try path(shell, with: "head", "/bin/busybox cat; echo x >>\(file)"))
    #expect(await code { _ = try await access.read(file) } == "FILE_CHANGES")
  }

  @Test("An answer whose output was broken off is not done, however it says so")
  func brokenOff() async throws {
    let script = FarScript([FarBasics.reporting], call: "say done; kill -s KILL $$; exit 1")
    let answer = try await WorkThreads(count: 1).run {
      try FarConversation(script, limit: .seconds(60)).hold(
        over: ["/bin/dash", "-s"], environment: ["PATH=/usr/bin:/bin"])
    }
    #expect(answer.report("done") != nil)
    #expect(!answer.isDone)
  }

  @Test("A program gets no descriptor of Reroot's but its three")
  func descriptors() async throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    defer { ends.forEach { close($0) } }
    let program = try FarProcess(["ls", "/proc/self/fd"], environment: ["PATH=/usr/bin:/bin"])
    #expect(program.wait() == 0)
    var bytes = [UInt8](repeating: 0, count: 1000)
    let count = read(program.output, &bytes, bytes.count)
    // The fourth is the folder that it lists.
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "0\n1\n2\n3\n")
  }

  @Test(
    "A shell that echoes its input gives no key back to whoever reads the answer", arguments: FarShell.allCases,
    [1000, 90_000])
  func echoing(_ shell: FarShell, _ size: Int) async throws {
    let secret = SecretBytes(SampleSecret.bytes(size))
    let digits = Base64.encode(secret).text
    let environment = ["PATH=\(try shell.path(in: tools))"]
    let threads = WorkThreads(count: 1)
    let seen = Mutex(FarAnswer())
    let target = SSHTarget(host: "far.example", user: "reroot", identityFile: "/none", hostKey: "")
    let access = TargetAccess.ssh(target) { [words = shell.words] script, limit in
      let answer = try await threads.run {
        try FarConversation(script, limit: limit).hold(over: words.dropLast() + ["-v", "-s"], environment: environment)
      }
      seen.withLock { $0 = answer }
      return answer
    }
    try await access.replace([FileChange(path: tools.path("key"), content: secret, mode: 0o600)])
    let answer = seen.withLock { $0 }
    // A line of more than 64 KiB is cut, unless its end has come with the piece that makes it so long.
    let isCut = size > 48 << 10 && answer.noise.contains("[… the rest of the line]")
    #expect(isCut || answer.noise.contains("[redacted]"))
    #expect(!SampleSecret.occurs(digits, in: answer.noise))
    // What is no secret is still told.
    #expect(answer.noise.contains("replace_all"))
  }

  @Test("A tool that says what it was given does not bring it into a failure", arguments: FarShell.allCases)
  func tellTale(_ shell: FarShell) async throws {
    let secret = SecretBytes(SampleSecret.bytes(2000))
    let access = try shell.access(
      in: tools, path: try path(shell, with: "base64", "printf 'invalid: ' >&2; /bin/busybox cat >&2; exit 1"))
    let change = FileChange(path: tools.path("key"), content: secret, mode: 0o600)
    let found = await failure { try await access.replace([change]) }
    #expect(found?.failure.output == "invalid: [redacted]")
  }

  @Test("A file that was read is not shown by a description of the answer")
  func description() {
    var answer = FarAnswer()
    answer.output = SecretBytes(utf8: "a2V5")
    let bytes = String(describing: Array("a2V5".utf8)).dropFirst().dropLast()
    var dumped = ""
    dump(answer, to: &dumped)
    for text in ["\(answer)", String(reflecting: answer), dumped] {
      #expect(text.contains("[redacted]") && !text.contains(bytes) && !text.contains("a2V5"))
    }
  }

  @Test("What is as long as 24 bytes of a secret is replaced, and what is shorter is not")
  func redaction() {
    let secret = SampleSecret.bytes(600)
    let redaction = Redaction(of: [SecretBytes(secret), SecretBytes(utf8: "short")])
    let rows: [(Range<Int>, isKept: Bool)] = [
      (0..<23, true), (0..<24, false), (577..<600, true), (576..<600, false), (100..<200, false),
    ]
    for (range, isKept) in rows {
      let part = Array(secret[range])
      let expected = isKept ? part : Array("[redacted]".utf8)
      #expect(redaction.applied(to: part) == expected, "\(range)")
      #expect(
        redaction.applied(to: Array("<".utf8) + part + Array("> ".utf8) + part)
          == Array("<".utf8) + expected + Array("> ".utf8) + expected, "\(range)")
    }
    #expect(Redaction(of: []).applied(to: secret) == secret)
  }
}

/// Bytes that no tool says by itself.
private enum SampleSecret {
  static func bytes(_ count: Int) -> [UInt8] {
    // The same each time (Knuth's MMIX generator).
    var state: UInt64 = 1
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: state >> 56) | 0x80
    }
  }

  /// Whether 24 characters in a row of a secret occur in a text.
  static func occurs(_ secret: String, in text: String) -> Bool {
    let runs = Set(windows(secret))
    return windows(text).contains { runs.contains($0) }
  }

  private static func windows(_ text: String) -> [ArraySlice<UInt8>] {
    let bytes = Array(text.utf8)
    return bytes.count < 24 ? [] : (0...bytes.count - 24).map { bytes[$0..<$0 + 24] }
  }
}
