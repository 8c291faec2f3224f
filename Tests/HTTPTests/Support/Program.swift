import Foundation
import Glibc

/// A program with its output in a pipe. Reading blocks, so it is done on a queue of the program's own.
final class Program: Sendable {
  private let process = Process()
  private let output: Int32
  private let queue = DispatchQueue(label: "program")
  private let pipe = Pipe()

  init(_ name: String, _ arguments: [String]) throws {
    output = pipe.fileHandleForReading.fileDescriptor
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    try pipe.fileHandleForWriting.close()
  }

  /// Reads until `text` was written, or with nil to the end.
  func read(until text: String?) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [output] in
        var seen: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
          // A signal may interrupt the call, which Foundation's own reading takes for a fatal error.
          let count = Glibc.read(output, &piece, piece.count)
          if count < 0, errno == EINTR { continue }
          seen += piece.prefix(max(count, 0))
          let whole = String(decoding: seen, as: UTF8.self)
          if let text, whole.contains(text) { return continuation.resume(returning: whole) }
          guard count > 0 else {
            return continuation.resume(
              with: text == nil ? .success(whole) : .failure(ClientError(text: "ended after \(whole)")))
          }
        }
      }
    }
  }

  func status() async -> Int32 {
    await withCheckedContinuation { continuation in
      queue.async { [process] in
        process.waitUntilExit()
        continuation.resume(returning: process.terminationStatus)
      }
    }
  }

  func kill() { Glibc.kill(process.processIdentifier, SIGKILL) }
}

/// Runs a program to its end.
func run(_ name: String, _ arguments: [String]) async throws -> (status: Int32, output: String) {
  let program = try Program("timeout", ["60", name] + arguments)
  let output = try await program.read(until: nil)
  return (await program.status(), output)
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
