import Foundation

@testable import Delivery

/// A process that has begun to work, and that nobody but `status` waits for.
final class Child: Sendable {
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
    guard line() != nil else { throw DeliveryFailure(code: "CHILD", sentence: "It ended at once.", advice: "") }
  }

  /// What it says next, up to the end of the line; nil once it has ended.
  func line() -> String? {
    var said: [UInt8] = []
    while said.last != UInt8(ascii: "\n") {
      var byte: UInt8 = 0
      let count = read(output, &byte, 1)
      if count < 0, errno == EINTR { continue }
      guard count == 1 else { return nil }
      said.append(byte)
    }
    return String(decoding: said.dropLast(), as: UTF8.self)
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
