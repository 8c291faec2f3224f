import Foundation
import Rotation

/// One of the components of the sample system, before it has a port: what it is called, whom it calls, how it is set up.
public struct Sample: Sendable, Hashable {
  /// What the pages call it.
  public var name: String
  /// Its folder's name, and the first label of its DNS name.
  public var slug: String
  /// What it would do in a real system.
  public var description: String
  /// Its stage in an update.
  public var stage: Int
  /// The kind of key it gets.
  public var key: KeyKind
  /// Whether it reads chain and key from one combined file.
  public var isCombined: Bool
  /// The names of the components that it calls.
  public var peers: [String]

  /// Describes a sample component.
  public init(
    name: String, slug: String, description: String, stage: Int, key: KeyKind = .ecdsaP256, isCombined: Bool = false,
    peers: [String]
  ) {
    self.name = name
    self.slug = slug
    self.description = description
    self.stage = stage
    self.key = key
    self.isCombined = isCombined
    self.peers = peers
  }

  /// The six components of the demo. Each is called by at least one other, so a mistake at any of them is seen.
  public static let system = [
    Sample(
      name: "Management server", slug: "management-server", description: "Sets up and watches everything else",
      stage: 2,
      peers: ["Device gateway", "MQTT broker", "Database"]),
    Sample(
      name: "Device gateway", slug: "device-gateway", description: "Takes the connections of the devices in the field",
      stage: 2, peers: ["MQTT broker", "Management server"]),
    Sample(
      name: "MQTT broker", slug: "mqtt-broker", description: "Passes messages between gateway, adapter and database",
      stage: 1, peers: ["Database"]),
    Sample(
      name: "Protocol adapter", slug: "protocol-adapter",
      description: "Translates for older devices; reads one combined PEM file", stage: 2, isCombined: true,
      peers: ["MQTT broker", "Device gateway"]),
    Sample(
      name: "Database", slug: "database", description: "Keeps the measurements", stage: 1, key: .rsa2048,
      peers: ["Report server"]),
    Sample(
      name: "Report server", slug: "report-server", description: "Draws up the monthly reports", stage: 3,
      key: .ed25519,
      peers: ["Database", "Protocol adapter"]),
  ]

  /// The DNS name that its certificate carries.
  public var serverName: String { "\(slug).sample.internal" }

  /// The component as Reroot manages it.
  ///
  /// - Parameters:
  ///   - place: where its files are.
  ///   - port: the port of 127.0.0.1 that it answers at.
  public func component(in place: SamplePlace, port: UInt16) -> Component {
    Component(
      id: Component.ID(rawValue: 0), name: name, description: description, stage: stage,
      names: [.dns(serverName), .ip("127.0.0.1")], usage: .both, key: key, files: place.files(isCombined: isCombined),
      activation: Activation(method: .command(["/bin/sh", place.reloadScript]), timeLimit: 10),
      endpoints: [Endpoint(host: "127.0.0.1", port: port, serverName: serverName)], verificationTimeLimit: 5,
      peers: peers)
  }
}

/// The folder of one sample component.
public struct SamplePlace: Sendable, Hashable {
  /// Its absolute path.
  public let folder: String

  /// The folder of a sample within the folder of the system.
  public init(of sample: Sample, within system: String) {
    folder = "\(system)/\(sample.slug)"
  }

  var configuration: String { "\(folder)/component.json" }
  var pidFile: String { "\(folder)/component.pid" }
  var log: String { "\(folder)/component.log" }
  var reloadScript: String { "\(folder)/reload.sh" }
  /// While this file is there, the next run of the reload script removes it and fails.
  var failureMark: String { "\(folder)/fail-next-activation" }
  var tls: String { "\(folder)/tls" }

  /// The files that the component reads.
  public func files(isCombined: Bool) -> FileLayout {
    isCombined
      ? FileLayout(combined: "\(tls)/server.pem", trustBundle: "\(tls)/roots.pem")
      : FileLayout(certificateChain: "\(tls)/chain.pem", key: "\(tls)/key.pem", trustBundle: "\(tls)/roots.pem")
  }

  /// Makes the folders, the configuration and the reload script, anew at every start.
  func prepare(_ sample: Sample, port: UInt16) throws {
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: tls, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    for left in [failureMark, pidFile] where manager.fileExists(atPath: left) { try manager.removeItem(atPath: left) }
    try SampleConfiguration(
      name: sample.name, port: port, files: files(isCombined: sample.isCombined), pidFile: pidFile
    ).write(to: configuration)
    try Data(script(for: sample).utf8).write(to: URL(fileURLWithPath: reloadScript), options: .atomic)
  }

  /// The path of the script is all it needs to know, so nothing has to be quoted into it.
  private func script(for sample: Sample) -> String {
    """
    #!/bin/sh
    # Makes the \(sample.name) read its certificate files again.
    cd "$(dirname "$0")" || exit 1
    if [ -e fail-next-activation ]; then
      rm -f fail-next-activation
      echo "\(sample.slug): checking the configuration before the reload"
      echo "\(sample.slug): configuration line 12: unknown option 'tls_session_cach'" >&2
      echo "\(sample.slug): reload refused, the running process goes on with what it had" >&2
      exit 1
    fi
    if [ ! -r component.pid ]; then
      echo "\(sample.slug): not running, there is no process to reload" >&2
      exit 1
    fi
    kill -HUP "$(cat component.pid)" && echo "\(sample.slug): asked to reload"

    """
  }
}
