import Delivery
import Foundation
import PKI
import Rotation

/// The way to a sample component's files, on which the faults chosen on the demo's page lie in wait.
public struct FaultyAccess: Sendable {
  let faults: Faults
  let fleet: SampleFleet

  /// Puts the faults in the way of the components of a fleet.
  public init(faults: Faults, fleet: SampleFleet) {
    self.faults = faults
    self.fleet = fleet
  }

  /// The access to a component: as given, with the faults in the way where it belongs to the sample system.
  ///
  /// Whose component it is tells its folder, because an administrator may rename components.
  public func access(to component: Component, over plain: TargetAccess) -> TargetAccess {
    let paths = Set(component.files.identityPaths.map(\.path))
    let owner = fleet.members.first { member in paths.contains { $0.hasPrefix(member.place.folder + "/") } }
    guard let owner else { return plain }
    var access = plain
    access.replace = { changes in
      let isIdentity = changes.contains { paths.contains($0.path) }
      if isIdentity, faults.take(.deploy, at: owner.name) { throw Self.fullDisk(changes.first?.path ?? "the files") }
      try await plain.replace(changes)
      if isIdentity { faults.noteReplacement(at: owner.name) }
    }
    access.run = { words, limit in
      try await spoilActivation(of: owner)
      return try await plain.run(words, limit)
    }
    let signal: @Sendable (String, String) async throws -> Void = { name, pidFile in
      try await spoilActivation(of: owner)
      // Without a command there is no output to fail with: the process number is what is lost.
      let isMarked = unlink(owner.place.failureMark) == 0
      try await plain.signal(name, isMarked ? owner.place.failureMark : pidFile)
    }
    access.signal = signal
    access.reload = { name, pidFile, _ in
      try await signal(name, pidFile)
      return nil
    }
    return access
  }

  /// Prepares the failures that are due: the reload script finds its mark, the process its order.
  private func spoilActivation(of member: SampleMember) async throws {
    let due = faults.takeForActivation(at: member.name)
    if due.contains(.activation) {
      _ = FileManager.default.createFile(atPath: member.place.failureMark, contents: Data())
    }
    if due.contains(.verification) { try? await fleet.ignoreNextReload(true, at: member.name) }
  }

  private static func fullDisk(_ path: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "DISK_FULL", sentence: "Replacing \(path) failed: there is no space left on the file system.",
      advice: "Free some space there. Then try again.")
  }
}
