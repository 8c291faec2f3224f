import Foundation
import Glibc
import Testing

/// The program under test, which the build puts beside the tests.
func rerootProgram() throws -> String {
  let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let besideTests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/reroot"
  let besideOwn = URL(fileURLWithPath: own).deletingLastPathComponent().path + "/reroot"
  return try #require([besideTests, besideOwn].first { FileManager.default.isExecutableFile(atPath: $0) })
}

/// The folder of the package, where Templates and Public are.
let packageFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().path

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/reroot-command-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    let file = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// How a run of the program ended.
struct Ended: Sendable, CustomTestStringConvertible {
  let status: Int32
  let output: String
  let error: String
  var testDescription: String { "status \(status), output: \(output.prefix(500)), error: \(error.prefix(500))" }
  /// What was complained about, without the lines of the log.
  var complaints: [String] {
    error.split(separator: "\n").map(String.init).filter { $0.hasPrefix("reroot: ") || $0.hasPrefix("Error: ") }
  }
}

/// A run of the program. Its output goes to files, so that nobody has to read it in time.
final class RerootProcess: Sendable {
  let number: Int32
  private let folder: TemporaryFolder
  // Foundation guards it by locks of its own; nothing of it is set once it runs.
  private nonisolated(unsafe) let process: Process

  init(_ words: [String], input: String = "") throws {
    folder = try TemporaryFolder()
    process = Process()
    process.executableURL = URL(fileURLWithPath: try rerootProgram())
    process.arguments = words
    process.currentDirectoryURL = URL(fileURLWithPath: packageFolder)
    process.standardInput = FileHandle(forReadingAtPath: try folder.write(input, to: "input"))
    for name in ["output", "error"] { _ = try folder.write("", to: name) }
    process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/output")
    process.standardError = FileHandle(forWritingAtPath: folder.path + "/error")
    try process.run()
    number = process.processIdentifier
    // Whatever happens, it ends.
    DispatchQueue.global().asyncAfter(deadline: .now() + 60) { [process] in
      if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }
  }

  var output: String { text("output") }

  private func text(_ name: String) -> String {
    (try? String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)) ?? ""
  }

  /// Waits for a part of the output, at most twenty seconds; gives back what a pattern finds in it.
  func waits(for pattern: String) async throws -> String {
    let end = ContinuousClock.now + .seconds(20)
    while true {
      if let range = output.range(of: pattern, options: .regularExpression) { return String(output[range]) }
      try #require(ContinuousClock.now < end && process.isRunning, "\(output)\(text("error"))")
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// Sends SIGTERM.
  func terminate() { kill(number, SIGTERM) }

  func end() async -> Ended {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "process").async { [self] in
        process.waitUntilExit()
        continuation.resume(
          returning: Ended(status: process.terminationStatus, output: text("output"), error: text("error")))
      }
    }
  }
}

/// Runs the program to its end.
func reroot(_ words: String..., input: String = "") async throws -> Ended {
  try await reroot(words, input: input)
}

/// The same with a list of words.
func reroot(_ words: [String], input: String = "") async throws -> Ended {
  try await RerootProcess(words, input: input).end()
}
