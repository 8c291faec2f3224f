import Foundation

/// What a parent tells a sample component: one JSON object in a line on its standard input.
public enum SampleOrder: Sendable, Hashable, Codable {
  /// Everybody is ready: call these peers from now on.
  case begin(peers: [SamplePeer])
  /// Whether the next SIGHUP is to be ignored, as a process would that never noticed it.
  case ignoreNextReload(Bool)
}

/// What a sample component tells its parent: one JSON object in a line on its standard output.
public enum SampleMessage: Sendable, Hashable, Codable {
  /// It listens.
  case ready(process: Int32, port: UInt16)
  /// Where it stands; twice a second, and after every change.
  case state(SampleState)
  /// Something worth a line in a log.
  case said(String)
}

/// Where a sample component stands.
public struct SampleState: Sendable, Hashable, Codable {
  /// SHA-256 of the certificate that it serves, hexadecimal; nil while it has none.
  public var fingerprint: String?
  /// The issuer of that certificate (RFC 4514).
  public var issuer: String?
  /// Why the last reload kept the old files; nil when it did not.
  public var reloadFailure: String?
  /// How often it has loaded its files.
  public var loads = 0
  /// How often a reload was asked for and ignored.
  public var ignoredReloads = 0
  /// Whether it will ignore the next SIGHUP.
  public var ignoresNextReload = false
  /// What became of its calls, by peer.
  public var calls: [CallCount] = []

  /// A component that has neither loaded nor called anything.
  public init() {}

  /// How many handshakes with its peers succeeded.
  public var accepted: Int { calls.reduce(0) { $0 + $1.accepted } }
  /// How many handshakes with its peers were refused by either side.
  public var refused: Int { calls.reduce(0) { $0 + $1.refused } }
}

/// What became of the calls to one peer.
public struct CallCount: Sendable, Hashable, Codable {
  /// The peer's name.
  public var peer: String
  /// Handshakes after which both ends heard from each other: both sides accepted each other.
  public var accepted = 0
  /// Connections that were made but not answered: a side refused the other, or the connection ended early.
  public var refused = 0
  /// Calls without a connection, because no process listens at the peer's port.
  public var unreachable = 0
  /// Why the last refused call was refused.
  public var lastRefusal: String?
  /// When.
  public var lastRefusalAt: Date?

  /// Counts calls to a peer, none so far.
  public init(peer: String) {
    self.peer = peer
  }
}

/// One value in one line, with times in seconds since 1970 so that both ends agree.
enum JSONLine {
  static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    encoder.dateEncodingStrategy = .secondsSince1970
    return Array(try encoder.encode(value)) + [UInt8(ascii: "\n")]
  }

  static func decode<Value: Decodable>(_ type: Value.Type, from line: String) throws -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    return try decoder.decode(type, from: Data(line.utf8))
  }
}
