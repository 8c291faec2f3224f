import ArgumentParser
import Foundation
import PKI

/// Passphrases, line by line: from a terminal, which does not show them, or from a pipe. What follows stays to be read.
enum PassphraseInput {
  private static let longest = 4096

  /// One line without its end. Throws when standard input has ended, or the line is too long to be meant.
  static func line(_ prompt: String) throws -> SecretBytes {
    guard isatty(STDIN_FILENO) == 1 else { return try read() }
    return try HiddenTerminal.run {
      Output.prompt(prompt)
      defer { Output.prompt("\n") }
      return try read()
    }
  }

  /// A new passphrase: twice at a terminal, where a slip of the finger would not be seen.
  static func new(_ prompt: String = "New passphrase of the master key") throws -> SecretBytes {
    let first = try line("\(prompt): ")
    guard isatty(STDIN_FILENO) == 1 else { return first }
    guard try line("\(prompt), once more: ") == first else {
      throw ValidationError("The two passphrases are not the same. Nothing was changed; start again.")
    }
    return first
  }

  private static func read() throws -> SecretBytes {
    var count = 0
    var isWhole = false
    let line = SecretBytes(count: longest) { line in
      // Byte by byte, so that nothing is taken that is for somebody else.
      while count < line.count {
        let got = Glibc.read(STDIN_FILENO, line.baseAddress.map { $0 + count }, 1)
        if got < 0, errno == EINTR { continue }
        guard got == 1, line[count] != 0x0A else {
          isWhole = got == 1 || count > 0
          break
        }
        count += 1
      }
      if count > 0, line[count - 1] == 0x0D { count -= 1 }
    }
    guard isWhole else {
      throw ValidationError("A password or passphrase was expected as a line on standard input, and there was none.")
    }
    return line.withBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }
}

/// The terminal, while it does not show what is typed.
private enum HiddenTerminal {
  // Written before the handlers are set that read it, and not again until they are gone. Never freed: a handler may come
  // at any time.
  private nonisolated(unsafe) static let shown = UnsafeMutablePointer<termios>.allocate(capacity: 1)
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// What was typed before the question does not count; whatever ends the program leaves the terminal as it was.
  static func run<Value>(_ body: () throws -> Value) throws -> Value {
    guard tcgetattr(STDIN_FILENO, shown) == 0 else {
      throw ValidationError(
        "The terminal does not let what is typed be hidden; give it on standard input or in a file.")
    }
    for number in signals {
      signal(number) { number in
        tcsetattr(STDIN_FILENO, TCSANOW, HiddenTerminal.shown)
        _exit(128 + number)
      }
    }
    var hidden = shown.pointee
    hidden.c_lflag &= ~tcflag_t(ECHO)
    // Before the question is put, so that nobody answers into what is thrown away.
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    defer {
      tcsetattr(STDIN_FILENO, TCSANOW, shown)
      for number in signals { signal(number, SIG_DFL) }
    }
    return try body()
  }
}
