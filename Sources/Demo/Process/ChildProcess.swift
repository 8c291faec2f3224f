import Foundation
import Glibc

/// A program started by this one, with one connection as its standard input and output.
///
/// The connection is closed on exec, so no other child holds it open: when this process ends, however that comes about, the
/// child reads the end of its standard input.
final class ChildProcess: Sendable {
  let number: pid_t
  private let connection: Int32

  /// Starts a program in a process group of its own, so that a key typed at the terminal does not reach it.
  ///
  /// `errorFile` takes its standard error. Throws a ``SampleFailure``.
  init(program: String, arguments: [String], errorFile: String) throws {
    let (own, childs) = try SocketPair.make()
    defer { close(childs) }
    do {
      number = try Self.spawn(program, arguments, connection: childs, errorFile: errorFile)
    } catch {
      close(own)
      throw error
    }
    connection = own
  }

  // Every call below is on a descriptor that is still this connection: it is closed when the last reference goes.
  deinit { close(connection) }

  /// Writes a line to its standard input; false when it is gone or was asked to end. Blocks while the child reads nothing.
  @discardableResult
  func send(_ line: [UInt8]) -> Bool { sendAll(line, to: connection) }

  /// Ends its standard input, which a sample component takes as the word to end.
  func closeInput() { shutdown(connection, Int32(SHUT_WR)) }

  /// Hands over every line that it writes, then waits for its end. For a thread of its own, once. Blocking.
  ///
  /// Answers how it ended, in words.
  func follow(_ take: (String) -> Void) -> String {
    var lines = LineReader(connection)
    while let line = lines.next() { take(line) }
    var status: Int32 = 0
    while waitpid(number, &status, 0) < 0 && errno == EINTR {}
    // The macros WIFEXITED and WTERMSIG, which Swift cannot call (wait(2)).
    let signal = status & 0x7f
    return signal == 0 ? "ended with status \((status >> 8) & 0xff)" : "was ended by signal \(signal)"
  }

  private static func spawn(
    _ program: String, _ arguments: [String], connection: Int32, errorFile: String
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // What dup2(2) makes is not closed on exec, so exactly these three stay open in the child.
    posix_spawn_file_actions_adddup2(&actions, connection, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, connection, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errorFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var every = sigset_t()
    sigfillset(&every)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &every)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
    defer { words.forEach { free($0) } }
    var number: pid_t = 0
    let result = posix_spawn(&number, program, &actions, &attributes, &words, environ)
    guard result == 0 else { throw SampleFailure("\(program) could not be started: \(systemError(result)).") }
    return number
  }
}
