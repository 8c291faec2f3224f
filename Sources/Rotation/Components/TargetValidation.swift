import Foundation

extension Target {
  /// What is wrong with the target; the fields begin with `target.ssh.`.
  public func problems() -> [FieldProblem] {
    ssh?.problems().map { FieldProblem(field: "target.ssh." + $0.field, sentence: $0.sentence) } ?? []
  }
}

extension SSHTarget {
  /// What is wrong with the machine, by the fields `host`, `port`, `user`, `identity_file` and `host_key`.
  func problems() -> [FieldProblem] {
    var found: [FieldProblem] = []
    func add(_ field: String, _ sentence: String?) {
      if let sentence { found.append(FieldProblem(field: field, sentence: sentence)) }
    }
    // A label that began with a hyphen could be taken for an option; none is a host name.
    if !NetworkName.isAddress(host) { add("host", NetworkName.hostProblem(host)) }
    if port == 0 { add("port", "Give a port from 1 to 65535.") }
    if !Account.isName(user) {
      add("user", "Give the name of the account to sign in to, of letters, digits, “.”, “_” and “-”.")
    }
    add("identity_file", identityProblem)
    add("host_key", SSHHostKey.problem(hostKey))
    return found
  }

  private var identityProblem: String? {
    guard !identityFile.isEmpty else { return "Give the file of the private key to sign in with, on Reroot's machine." }
    // ssh_config(5) replaces tokens such as %h, and ~, in the name.
    if identityFile.contains("%") || identityFile.contains("$") {
      return "OpenSSH gives “%” and “$” a meaning of their own in this path; use one without them."
    }
    return FilePath.problem(identityFile)
  }
}

/// The public key of an SSH server, as `known_hosts` and `ssh-keyscan` write it: a type and base64, perhaps a comment.
public struct SSHHostKey: Sendable, Hashable {
  /// The type, such as `ssh-ed25519`.
  public let type: String
  /// The key in base64.
  public let base64: String

  /// The types of host keys that a pinned key may have (RFC 8709, RFC 5656, RFC 4253).
  public static let types = [
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
  ]

  /// Reads a key; nil where ``problem(_:)`` finds something.
  public init?(_ text: String) {
    guard Self.problem(text) == nil else { return nil }
    let words = text.split(separator: " ")
    type = String(words[0])
    base64 = String(words[1])
  }

  /// The bytes of the key, of which its fingerprint is made.
  public var bytes: [UInt8] { Data(base64Encoded: base64).map { [UInt8]($0) } ?? [] }

  /// What is wrong with a text that should be a key; nil when nothing is.
  static func problem(_ text: String) -> String? {
    guard !text.isEmpty else {
      return "Give the server's public key; without it nobody could tell the host from another."
    }
    guard FieldText.isOneLine(text), text.utf8.count <= 4096 else { return "Give one key, in one line." }
    let words = text.split(separator: " ")
    guard let first = words.first, types.contains(String(first)) else {
      if words.count > 2, types.contains(String(words[1])) { return "Leave out the host's name in front of the key." }
      return "Begin with the kind of the key: \(types.joined(separator: ", "))."
    }
    guard words.count > 1, let bytes = Data(base64Encoded: String(words[1])) else {
      return "After “\(first)” comes the key in base64, as `ssh-keyscan` prints it."
    }
    // RFC 4253, section 6.6: the key begins with its type as a string, four bytes of length first.
    let name = [0, 0, 0, UInt8(first.utf8.count)] + Array(first.utf8)
    guard bytes.count > name.count + 16, Array(bytes.prefix(name.count)) == name else {
      return "The key is cut off, or is no key of the kind “\(first)”."
    }
    return nil
  }
}
