import Console
import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

/// The console with a small real system around it, to try everything on.
public final class Demo: Sendable {
  /// What to print when it is ready.
  public let banner: DemoBanner
  private let folder: DemoFolder
  private let store: Store
  private let fleet: SampleFleet
  private let console: Console
  private let live: DemoLive

  /// Makes what is missing in the folder, starts the sample system and the console over it.
  ///
  /// - Parameters:
  ///   - path: the folder; nil for a temporary one, which is removed at the end.
  ///   - program: the program whose subcommand `sample-component` is a component's process.
  /// - Throws: ``SampleFailure``, or what the store, the console and the server say.
  public static func start(
    folder path: String?, host: String, port: UInt16, program: String, logger: Logger
  ) async throws -> Demo {
    let folder = try DemoFolder(path)
    do {
      let store = try Store.open(folder: folder.data)
      let fleet = SampleFleet(folder: folder.system, program: program)
      do {
        return try await Demo(folder, store, fleet, host: host, port: port, logger: logger)
      } catch {
        await fleet.stop()
        try? store.close()
        throw error
      }
    } catch {
      folder.removeIfTemporary()
      throw error
    }
  }

  private init(
    _ folder: DemoFolder, _ store: Store, _ fleet: SampleFleet, host: String, port: UInt16, logger: Logger
  ) async throws {
    self.folder = folder
    self.store = store
    self.fleet = fleet
    let second = try SecondRoot(in: folder.path, now: Date())
    try await FirstRoot(store: store, fleet: fleet).bringIntoForce()
    try await SampleList(store: store, fleet: fleet).start()
    let password = try await Self.addAdministrator(to: store)

    let faults = Faults()
    live = DemoLive(fleet: fleet, faults: faults, logger: logger)
    let access = FaultyAccess(faults: faults, fleet: fleet)
    let targets = Targets()
    let configuration = try ConsoleConfiguration(
      host: host, port: port, targets: targets,
      targetAccess: { access.access(to: $0, over: targets.access(to: $0)) },
      extension: DemoPages(fleet: fleet, faults: faults, second: second, live: live).extension)
    console = try await Console(store: store, configuration: configuration, logger: logger)
    live.begin(console.services.renderer)
    try fleet.begin()
    let bound = try await console.start()
    banner = DemoBanner(
      address: "https://\(host.contains(":") ? "[\(host)]" : host):\(bound)", administrator: Self.administrator,
      password: password, rootFile: second.path, rootPassword: second.password, folder: folder.path,
      isTemporary: folder.isTemporary)
  }

  /// Ends the console, then the sample system; removes the folder if it was a temporary one.
  public func stop() async {
    live.end()
    await console.stop(within: .seconds(10))
    await fleet.stop()
    try? store.close()
    folder.removeIfTemporary()
  }

  private static let administrator = "admin"

  /// Makes the administrator, or gives it another password as long as nobody has signed in with it: an earlier start may
  /// have failed before it could print the one that it had made.
  ///
  /// - Returns: the password; nil when it is known to whoever has signed in with it.
  private static func addAdministrator(to store: Store) async throws -> String? {
    let users = try await store.users()
    guard users.allSatisfy({ $0.signedInAt == nil }) else { return nil }
    let known = users.first { $0.name == administrator }
    guard users.isEmpty || known != nil else { return nil }
    let password = String(SecureRandom.token().prefix(20))
    let hash = try await WorkThreads.files.run { try PasswordHash.make(SecretBytes(utf8: password)) }
    if let known {
      try await store.changePassword(known.id, hash: hash, keeping: nil)
    } else {
      _ = try await store.addFirstAdministrator(name: administrator, hash: hash)
    }
    return password
  }
}
