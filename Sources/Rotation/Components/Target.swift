/// Where a component's files live and how Reroot reaches them.
public enum Target: Sendable, Hashable {
  /// The machine that Reroot runs on.
  case local
  /// Another machine, over OpenSSH.
  case ssh(SSHTarget)

  /// The machine behind SSH; nil for this one.
  public var ssh: SSHTarget? {
    guard case .ssh(let target) = self else { return nil }
    return target
  }

  /// Tells machines apart: the same path at two targets of one machine is one file.
  public var machine: String { ssh?.machine ?? "" }

  /// Where the files are, as the end of “files on …”.
  public var words: String { ssh?.words ?? "this machine" }
}

/// A machine that is reached over SSH, and whom to be there.
public struct SSHTarget: Sendable, Hashable, Codable {
  /// A host name or an IP address.
  public var host: String
  /// The port of its SSH server.
  public var port: UInt16
  /// The account to sign in to.
  public var user: String
  /// The file on Reroot's machine that holds the private key to sign in with, without a passphrase.
  public var identityFile: String
  /// The server's public key, `ssh-ed25519 AAAA…`: no other key is accepted.
  public var hostKey: String
  /// Whether everything there is done as root, through `sudo -n`.
  public var sudo: Bool

  /// Describes a machine; ``Target/problems()`` tells whether it can be used.
  public init(
    host: String, port: UInt16 = 22, user: String, identityFile: String, hostKey: String, sudo: Bool = false
  ) {
    self.host = host
    self.port = port
    self.user = user
    self.identityFile = identityFile
    self.hostKey = hostKey
    self.sudo = sudo
  }

  /// The host with its port, where that is not the usual one.
  public var address: String {
    guard port != 22 else { return host }
    return (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
  }

  /// The machine and the account, as the end of “files on …”.
  public var words: String { "\(address) by SSH as \(user)\(sudo ? " with sudo" : "")" }

  var machine: String { "\(host.lowercased()):\(port)" }
}

extension Target: Codable {
  private enum CodingKeys: String, CodingKey { case ssh }

  /// Reads `"local"`, as every component had it at first, or `{"ssh": {…}}`.
  public init(from decoder: any Decoder) throws {
    if let word = try? decoder.singleValueContainer().decode(String.self) {
      guard word == "local" else {
        throw DecodingError.dataCorrupted(
          DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "no target is called so"))
      }
      self = .local
    } else {
      self = .ssh(try decoder.container(keyedBy: CodingKeys.self).decode(SSHTarget.self, forKey: .ssh))
    }
  }

  /// Writes what ``init(from:)`` reads.
  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .local:
      var container = encoder.singleValueContainer()
      try container.encode("local")
    case .ssh(let target):
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(target, forKey: .ssh)
    }
  }
}
