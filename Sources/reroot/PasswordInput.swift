import ArgumentParser
import Foundation
import PKI

/// Passwords from files, pipes and terminals; never from the argument list, where everybody could see them.
enum PasswordInput {
  /// Reads one line where standard input is a pipe or a file; at a terminal it asks, without showing what is typed.
  static func fromStandardInput(prompt: String) throws -> SecretBytes {
    guard isatty(STDIN_FILENO) == 1 else {
      let bytes = try InputFile.read(descriptor: STDIN_FILENO, name: "standard input", limit: 1 << 20)
      return withoutLineEnd(bytes)
    }
    // getpass() would cut the password at PASS_MAX characters.
    var shown = termios()
    guard tcgetattr(STDIN_FILENO, &shown) == 0 else {
      throw ValidationError("The terminal does not let the password be hidden; use --password-file.")
    }
    var hidden = shown
    hidden.c_lflag &= ~tcflag_t(ECHO)
    Output.prompt(prompt)
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden)
    defer {
      tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown)
      Output.prompt("\n")
    }
    return SecretBytes(utf8: readLine(strippingNewline: true) ?? "")
  }

  /// Editors put a line break at the end of a file; one is taken off, `\n` or `\r\n`.
  static func withoutLineEnd(_ bytes: [UInt8]) -> SecretBytes {
    var bytes = bytes[...]
    if bytes.last == 0x0A {
      bytes.removeLast()
      if bytes.last == 0x0D { bytes.removeLast() }
    }
    return SecretBytes(Array(bytes))
  }
}

/// Files that are given on the command line.
enum InputFile {
  /// The first `limit` bytes. A file that is longer is for the caller to refuse.
  static func read(_ path: String, limit: Int) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno))).") }
    defer { close(descriptor) }
    return try read(descriptor: descriptor, name: path, limit: limit)
  }

  /// The same from an open descriptor, which stays open.
  static func read(descriptor: Int32, name: String, limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < limit {
      let count = Foundation.read(descriptor, &buffer, min(buffer.count, limit - bytes.count))
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw ValidationError("\(name) cannot be read: \(String(cString: strerror(errno))).")
      }
      bytes += buffer[..<count]
    }
    return bytes
  }
}
