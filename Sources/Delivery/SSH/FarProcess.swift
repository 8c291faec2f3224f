import CSpawn
import Foundation
import Rotation
import Synchronization

/// A program of this machine with pipes to its three standard streams; nothing else of Reroot's is open in it.
final class FarProcess: Sendable {
  private struct State {
    var input: Int32?
    var isReaped = false
    var status: Int32 = 0
  }

  /// What it writes to standard output, and to standard error.
  let output: Int32
  let errors: Int32
  /// Its number.
  var identifier: pid_t { number }
  private let number: pid_t
  private let state: Mutex<State>

  /// Starts a program, in a process group of its own, with an environment of its own.
  init(_ words: [String], environment: [String]) throws {
    _ = Self.brokenPipesAreErrors
    let pipes = try Self.pipes()
    let (input, output, errors) = (pipes[0], pipes[1], pipes[2])
    let childs = [input.read, output.write, errors.write]
    defer { childs.forEach { close($0) } }
    do {
      number = try Self.spawn(words, environment, childs)
    } catch {
      [input.write, output.read, errors.read].forEach { close($0) }
      throw error
    }
    // What it will be given may be a private key.
    reroot_forbid_core(number)
    for end in [input.write, output.read, errors.read] { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
    self.output = output.read
    self.errors = errors.read
    state = Mutex(State(input: input.write))
  }

  deinit {
    closeInput()
    close(output)
    close(errors)
  }

  /// A program that ends before it has read everything must not end this one with SIGPIPE.
  private static let brokenPipesAreErrors: Void = { Glibc.signal(SIGPIPE, SIG_IGN) }()

  /// The end to write to; nil once it was closed.
  var input: Int32? { state.withLock { $0.input } }

  /// Ends its standard input.
  func closeInput() {
    state.withLock { state in
      if let open = state.input { close(open) }
      state.input = nil
    }
  }

  /// Sends a signal, while the number is still its own.
  func signal(_ signal: Int32) {
    state.withLock { state in
      if !state.isReaped { kill(number, signal) }
    }
  }

  /// Waits for its end: the status, or 128 and the number of the signal. Blocking.
  func wait() -> Int32 {
    var info = siginfo_t()
    // Looked at first and collected under the lock, so that no signal goes to a number that is somebody else's by then.
    while waitid(P_PID, id_t(number), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    return state.withLock { state in
      if !state.isReaped {
        var status: Int32 = 0
        while waitpid(number, &status, 0) < 0 && errno == EINTR {}
        state.isReaped = true
        // The macros WIFEXITED and WTERMSIG, which Swift cannot call (wait(2)).
        state.status = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
      }
      return state.status
    }
  }

  /// Three, or none.
  private static func pipes() throws -> [(read: Int32, write: Int32)] {
    var made: [(read: Int32, write: Int32)] = []
    for _ in 0..<3 {
      var ends: [Int32] = [-1, -1]
      // In one step: a child that is started in between would keep them.
      guard reroot_pipe(&ends) == 0 else {
        let number = errno
        for (read, write) in made { [read, write].forEach { close($0) } }
        throw DeliveryFailure.system(number, "Making a pipe to ssh")
      }
      made.append((ends[0], ends[1]))
    }
    return made
  }

  private static func spawn(_ words: [String], _ environment: [String], _ ends: [Int32]) throws -> pid_t {
    let program = try Program.find(words.first ?? "")
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (index, end) in ends.enumerated() { posix_spawn_file_actions_adddup2(&actions, end, Int32(index)) }
    // Whatever a library of this process opened without a thought of children.
    reroot_spawn_close_from(&actions, 3)
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
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var number: pid_t = 0
    let result = posix_spawn(&number, program, &actions, &attributes, &arguments, &variables)
    guard result == 0 else { throw DeliveryFailure.system(result, "Starting \(program)") }
    return number
  }
}
