import Foundation

/// Runs a program to its end on a thread of its own.
func run(_ path: String, _ arguments: [String], input: String = "") async throws -> (status: Int32, output: String) {
  try await withCheckedThrowingContinuation { continuation in
    DispatchQueue(label: "program").async {
      continuation.resume(
        with: Result {
          let process = Process()
          process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
          process.arguments = ["timeout", "60", path] + arguments
          let output = Pipe()
          let inputPipe = Pipe()
          process.standardOutput = output
          process.standardError = output
          process.standardInput = inputPipe
          try process.run()
          inputPipe.fileHandleForWriting.write(Data(input.utf8))
          try inputPipe.fileHandleForWriting.close()
          let data = output.fileHandleForReading.readDataToEndOfFile()
          process.waitUntilExit()
          return (process.terminationStatus, String(decoding: data, as: UTF8.self))
        })
    }
  }
}

/// A folder that is removed after use.
func withFolder(_ body: (URL) async throws -> Void) async throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("reroot-http-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  do {
    try await body(folder)
    try FileManager.default.removeItem(at: folder)
  } catch {
    try? FileManager.default.removeItem(at: folder)
    throw error
  }
}
