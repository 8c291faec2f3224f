import Foundation
import Rotation

/// What one sample component is told at its start: a JSON file that its parent writes.
public struct SampleConfiguration: Sendable, Hashable, Codable {
  /// The component's name, as the other components and the pages call it.
  public var name: String
  /// The address to listen on.
  public var host: String
  /// The port to listen on; 0, or one that is taken, means any free one, which the ready message then names.
  public var port: UInt16
  /// The files of the certificate, the key and the trust bundle.
  public var files: FileLayout
  /// Where the process writes its number.
  public var pidFile: String
  /// How often a second it calls each peer.
  public var callsPerSecond: Int

  /// Describes a component's process.
  public init(
    name: String, host: String = "127.0.0.1", port: UInt16 = 0, files: FileLayout, pidFile: String,
    callsPerSecond: Int = 10
  ) {
    self.name = name
    self.host = host
    self.port = port
    self.files = files
    self.pidFile = pidFile
    self.callsPerSecond = callsPerSecond
  }

  /// Reads the file that ``write(to:)`` made.
  public init(contentsOf path: String) throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    self = try JSONDecoder().decode(SampleConfiguration.self, from: data)
  }

  /// Writes the configuration as a file. It holds no secret.
  public func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
  }
}

/// A component that a sample component calls.
public struct SamplePeer: Sendable, Hashable, Codable {
  /// Its name.
  public var name: String
  /// Its address.
  public var host: String
  /// Its port.
  public var port: UInt16
  /// The name that its certificate must carry.
  public var serverName: String

  /// Names a peer.
  public init(name: String, host: String, port: UInt16, serverName: String) {
    self.name = name
    self.host = host
    self.port = port
    self.serverName = serverName
  }
}
