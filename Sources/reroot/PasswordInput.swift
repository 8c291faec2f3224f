import ArgumentParser
import Foundation
import PKI
import Synchronization

/// Passwords from files, pipes and terminals; never from the argument list, where everybody could see them.
enum PasswordInput {
  /// Reads all of standard input where that is a pipe or a file, without the line's end; at a terminal it asks, without
  /// showing what is typed.
  static func fromStandardInput(prompt: String) throws -> SecretBytes {
    guard isatty(STDIN_FILENO) == 1 else {
      return withoutLineEnd(try InputFile.standardInput(limit: 1 << 20))
    }
    return try PassphraseInput.line(prompt)
  }

  /// What a file holds, without the line's end; refused where others can read it, as every file of a secret is.
  static func fromFile(_ path: String) throws -> SecretBytes {
    withoutLineEnd(try InputFile.readSecret(path, limit: 1 << 20, what: "a password"))
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
    let descriptor = try opened(path)
    defer { close(descriptor) }
    return try read(descriptor: descriptor, name: path, limit: limit)
  }

  /// Refuses a file that cannot be read, before anything is asked for. What is there and is no regular file is left alone:
  /// a pipe with a name loses what its writer has put in when its reader closes it.
  static func requireReadable(_ path: String) throws {
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { return }
    close(try opened(path))
  }

  /// The name of a file that stands for standard input.
  static let standardInputName = "-"
  private static let isStandardInputRead = Atomic<Bool>(false)

  /// All of standard input, or its first `limit` bytes. Nothing is left for a second reader, to whom it would be empty.
  static func standardInput(limit: Int) throws -> [UInt8] {
    guard !isStandardInputRead.exchange(true, ordering: .relaxed) else {
      throw ValidationError(
        "Standard input can be read once only, and two things are to come from it. Give one of them as a file.")
    }
    return try read(descriptor: STDIN_FILENO, name: "standard input", limit: limit)
  }

  /// The same of a file that is kept on disk and is nobody else's to read, as with the master key. A pipe, which the shell
  /// makes of `<(…)`, is kept nowhere; standard input (“-”) is asked for at a terminal, which does not show it.
  ///
  /// - Parameter what: what it holds, for the sentence that says that others can read it.
  static func readSecret(_ path: String, limit: Int, what: String = "a passphrase") throws -> [UInt8] {
    guard path != standardInputName else {
      guard isatty(STDIN_FILENO) == 1 else { return try standardInput(limit: limit) }
      return try PassphraseInput.line("Standard input, \(what): ").withBytes { Array($0) }
    }
    let descriptor = try opened(path)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFREG || status.st_mode & 0o077 == 0 else {
      throw ValidationError(
        "\(path) holds \(what) and can be read by others (mode \(String(status.st_mode & 0o7777, radix: 8))). Give it "
          + "the mode 0600; if somebody may have read it, choose another one.")
    }
    return try read(descriptor: descriptor, name: path, limit: limit)
  }

  /// The same of a file that says what the server does, also which libraries it loads: only its owner may write it.
  static func readTrusted(_ path: String, limit: Int) throws -> [UInt8] {
    let descriptor = try opened(path)
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFREG || status.st_mode & 0o022 == 0 else {
      throw ValidationError(
        "\(path) can be written by others (mode \(String(status.st_mode & 0o7777, radix: 8))), and it says what the server "
          + "does. Read it, then give it the mode 0644.")
    }
    return try read(descriptor: descriptor, name: path, limit: limit)
  }

  private static func opened(_ path: String) throws -> Int32 {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ValidationError("\(path) cannot be read: \(String(cString: strerror(errno))).") }
    return descriptor
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
