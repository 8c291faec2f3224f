/// The rule for new passphrases, of a master key and of a backup alike.
///
/// They are chosen by people and tried by machines that have the file.
public enum Passphrase {
  /// Characters that one has at least: Unicode scalar values, so that it does not matter which of them make up a letter.
  public static let shortest = 12
  private static let longest = 1024

  /// Throws `PASSPHRASE_UNSUITABLE` unless it has 12 characters or more, 1,024 bytes at most and no NUL.
  public static func check(_ passphrase: SecretBytes) throws {
    let suits = passphrase.withBytes { bytes in
      // Every byte but the continuations of UTF-8 begins a character (RFC 3629 section 3).
      bytes.count <= longest && !bytes.contains(0) && bytes.count { $0 & 0xC0 != 0x80 } >= shortest
    }
    guard suits else {
      throw PKIError(
        code: "PASSPHRASE_UNSUITABLE",
        sentence:
          "A passphrase has \(shortest) characters or more, \(longest) bytes at most and no NUL. Choose another "
          + "one.")
    }
  }
}
