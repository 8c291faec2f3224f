import PKI

/// The password of a component's stores, in a file at the target: its first line, in ASCII.
enum StorePassword {
  /// Reads the file. The password is in no failure.
  static func read(_ path: String, over access: TargetAccess) async throws -> SecretBytes {
    guard let file = try await access.read(path) else {
      throw DeliveryFailure(
        code: "STORE_PASSWORD_MISSING", sentence: "The password file \(path) does not exist.",
        advice: "Write the password of the stores into it, readable by as few as possible, or correct the path in the "
          + "component's settings.")
    }
    return try firstLine(of: file.content, path: path)
  }

  private static func firstLine(of content: SecretBytes, path: String) throws -> SecretBytes {
    try content.withBytes { bytes in
      let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
      guard !line.isEmpty else {
        throw DeliveryFailure(
          code: "STORE_PASSWORD_EMPTY", sentence: "The first line of the password file \(path) is empty.",
          advice: "Write the password of the stores into its first line; Java needs one to protect a store.")
      }
      // Java and OpenSSL turn other characters into different bytes (RFC 7292, appendix B.1, and RFC 8018, section 3).
      guard line.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        throw DeliveryFailure(
          code: "STORE_PASSWORD_NOT_ASCII",
          sentence:
            "The password in \(path) holds characters that are not printable ASCII, which Java and other programs "
            + "turn into different bytes.",
          advice: "Give the stores a password of ASCII characters with `keytool -storepasswd`.")
      }
      return SecretBytes(copying: UnsafeRawBufferPointer(rebasing: line))
    }
  }
}
