extension FileLayout {
  /// What is wrong with the files; the fields begin with `files.`.
  public func problems() -> [FieldProblem] {
    var found = storeProblems
    if keyStore != nil {
      if certificateChain != nil || key != nil || combined != nil {
        found.append(
          FieldProblem(
            field: "files.key_store",
            sentence: "Give either a key store, or the PEM files of certificate and key, but not both."))
      }
    } else if combined != nil {
      if certificateChain != nil || key != nil {
        found.append(
          FieldProblem(
            field: "files.combined",
            sentence: "Give either one combined file, or a certificate file and a key file, but not both."))
      }
    } else {
      if certificateChain == nil {
        found.append(
          FieldProblem(
            field: "files.certificate", sentence: "Give the file of the certificate, or one combined file."))
      }
      if key == nil {
        found.append(FieldProblem(field: "files.key", sentence: "Give the file of the key, or one combined file."))
      }
    }
    var seen: Set<String> = []
    for (role, path) in paths {
      if let sentence = FilePath.problem(path) {
        found.append(FieldProblem(field: role.field, sentence: sentence))
      } else if !seen.insert(path).inserted {
        found.append(
          FieldProblem(
            field: role.field,
            sentence: role.isStore
              ? "\(path) is given for two purposes; key store and trust store need a file each."
              : "\(path) is given for two purposes; use one combined file for that."))
      }
    }
    return found + ownerProblems + modeProblems
  }

  /// The password file is read only, so it must not be one of the files that are replaced.
  private var storeProblems: [FieldProblem] {
    var found: [FieldProblem] = []
    func add(_ field: String, _ sentence: String) {
      found.append(FieldProblem(field: "files." + field, sentence: sentence))
    }
    if trustStore != nil, trustBundle != nil {
      add("trust_store", "Give either a trust store or a trust bundle (PEM), but not both.")
    }
    let hasStore = keyStore != nil || trustStore != nil
    guard let passwordFile = storePasswordFile else {
      if hasStore { add("store_password_file", "Give the file that holds the password of the stores.") }
      return found
    }
    if let sentence = FilePath.problem(passwordFile) {
      add("store_password_file", sentence)
    } else if paths.contains(where: { $0.path == passwordFile }) {
      add("store_password_file", "\(passwordFile) is replaced by every update; the password needs a file of its own.")
    } else if !hasStore {
      add("store_password_file", "A password is for a key store or a trust store; give one of them, or leave it empty.")
    }
    return found
  }

  private var ownerProblems: [FieldProblem] {
    [("files.owner", owner, "user"), ("files.group", group, "group")].compactMap { field, value, kind in
      guard let value, !Account.isName(value) else { return nil }
      return FieldProblem(
        field: field,
        sentence:
          "Give the name of a \(kind), of letters, digits, “.”, “_” and “-”, or its number; or leave it empty to "
          + "keep the one that is found.")
    }
  }

  private var modeProblems: [FieldProblem] {
    var found: [FieldProblem] = []
    if mode.bits & 0o7000 != 0 || keyMode.bits & 0o7000 != 0 {
      found.append(
        FieldProblem(
          field: mode.bits & 0o7000 != 0 ? "files.mode" : "files.key_mode",
          sentence: "Leave out setuid, setgid and sticky bits: give three octal digits, such as 640."))
    }
    if mode.bits & 0o400 == 0 {
      found.append(
        FieldProblem(field: "files.mode", sentence: "The owner must be able to read the file: 400 at least."))
    }
    if keyMode.bits & 0o400 == 0 {
      found.append(
        FieldProblem(field: "files.key_mode", sentence: "The owner must be able to read the key: 400 at least."))
    }
    if keyMode.bits & 0o007 != 0 {
      found.append(
        FieldProblem(
          field: "files.key_mode",
          sentence: "A private key must not be open to everybody: the last digit must be 0, as in 600 or 640."))
    }
    return found
  }
}

extension FileLayout.Role {
  /// The field of the form and of the YAML that holds the path.
  public var field: String {
    switch self {
    case .certificateChain: "files.certificate"
    case .key: "files.key"
    case .combined: "files.combined"
    case .trustBundle: "files.trust_bundle"
    case .keyStore: "files.key_store"
    case .trustStore: "files.trust_store"
    }
  }
}

/// Absolute paths of files, as an administrator gives them.
enum FilePath {
  /// The longest path that Linux takes, without its end mark (PATH_MAX in limits.h).
  static let longest = 4095

  /// What is wrong with it; nil when it is absolute and has one way to be written.
  static func problem(_ path: String) -> String? {
    guard !path.isEmpty else { return "Give a path." }
    guard !path.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      return "The path holds a control character."
    }
    guard path.hasPrefix("/") else { return "Give an absolute path, one that begins with “/”." }
    guard path.utf8.count <= longest else { return "The path is longer than \(longest) bytes." }
    guard path != "/", !path.hasSuffix("/") else { return "Give the path of a file, not of a folder." }
    let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains("..") || parts.contains(".") { return "Write the path without “.” and “..” in it." }
    if parts.contains("") { return "Write the path with single slashes." }
    if parts.contains(where: { $0.utf8.count > 255 }) { return "A part of the path is longer than 255 bytes." }
    if ["dev", "proc", "sys"].contains(String(parts[0])) { return "Files below /\(parts[0]) cannot be replaced." }
    return nil
  }
}

/// Names of users and groups.
enum Account {
  static func isName(_ text: String) -> Bool {
    guard (1...32).contains(text.utf8.count), let first = text.utf8.first else { return false }
    if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return UInt32(text) != nil && UInt32(text) != .max }
    let isLetter = { (byte: UInt8) in (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F }
    return isLetter(first)
      && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E }
  }
}
