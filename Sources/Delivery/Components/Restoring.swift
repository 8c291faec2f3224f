import Foundation
import PKI
import Rotation

extension ComponentDelivery {
  /// Puts kept files of these roles back, byte for byte, with owner and mode, as one; removes what was not there. Then
  /// reads them again and compares.
  ///
  /// Files that are already as they were are left alone.
  public func restore(_ files: [SnapshotFile], roles: Set<FileLayout.Role>) async throws {
    let wanted = files.filter { roles.contains($0.file.role) }
    _ = try await access.recover(wanted.map(\.file.path))
    var changes: [FileChange] = []
    for (kept, state) in zip(wanted, try await states(wanted)) where state != kept.file.state {
      changes.append(try await change(for: kept))
    }
    if component.keepsKey, let path = component.files.key, changes.contains(where: { $0.path == path && !$0.isRemoval })
    {
      changes.append(FileChange(path: KeptKey.previous(path), content: nil, mode: 0))
    }
    if let unused = await unusedKey() { changes.append(unused) }
    // What goes back comes first, what goes away last: so a program that looks in between finds rather more than less.
    let order = changes.filter { !$0.isRemoval } + changes.filter(\.isRemoval)
    if !order.isEmpty { try await access.replace(order) }
    try await requireAsKept(wanted)
    try await requireAllKept(files, roles)
  }

  /// Removes a key that was made and waits: what is put back has no use for it, and an update that is taken up again has
  /// another one made. One that cannot be seen must not keep the files from being put back.
  private func unusedKey() async -> FileChange? {
    guard component.keepsKey, let path = component.files.key.map(KeptKey.next),
      let state = try? await access.state(path), state != nil
    else { return nil }
    return FileChange(path: path, content: nil, mode: 0)
  }

  /// Throws where a file that could not be read, and so not be kept, has been replaced since: what can be read now is
  /// another one.
  private func requireAllKept(_ files: [SnapshotFile], _ roles: Set<FileLayout.Role>) async throws {
    let kept = Set(files.map(\.file.path))
    for (role, path) in component.files.paths where roles.contains(role) && !kept.contains(path) {
      if (try? await access.state(path)) != nil { throw nothingKept(path) }
    }
  }

  /// Throws unless the files are as they were kept and each endpoint serves what it served then; an endpoint that was
  /// silent then may be silent. Tries again until the component's time limit.
  ///
  /// - Parameters:
  ///   - former: who took its connections before it was activated, where that is known.
  ///   - whenSeen: called once all endpoints were found so several times in a row, before it is seen whether that lasts;
  ///     not called where nothing is watched.
  public func verifyRestored(
    _ files: [SnapshotFile], served before: [ServedCertificate], former: FormerWorkers? = nil,
    whenSeen: @escaping @Sendable () -> Void = {}
  ) async throws {
    try await requireAsKept(files)
    let expectations = component.endpoints.compactMap { endpoint in
      before.first { $0.endpoint == endpoint.address }.map { (endpoint, Expectation.as(before: $0)) }
    }
    _ = try await watch(expectations, former: former, whenSeen: whenSeen)
  }

  private func change(for kept: SnapshotFile) async throws -> FileChange {
    guard let state = kept.file.state else {
      return FileChange(path: kept.file.path, content: nil, mode: 0)
    }
    if kept.file.role == .key, component.keepsKey { return try await putBack(kept.file.path, state) }
    guard let content = kept.content, content.sha256Hex == state.sha256 else {
      throw nothingKept(kept.file.path)
    }
    return FileChange(
      path: kept.file.path, content: content, owner: String(state.owner), group: String(state.group), mode: state.mode)
  }

  private func nothingKept(_ path: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "NOTHING_KEPT",
      sentence: "The former content of \(path) could not be kept when the plan was made, so it cannot be put back.",
      advice: "Put the file back from a backup of the machine, then override.")
  }

  private func states(_ files: [SnapshotFile]) async throws -> [FoundFile.State?] {
    try await access.states(files.map(\.file.path))
  }

  private func requireAsKept(_ files: [SnapshotFile]) async throws {
    for (kept, found) in zip(files, try await states(files)) where found != kept.file.state {
      throw notAsKept(kept, found)
    }
  }

  private func notAsKept(_ kept: SnapshotFile, _ found: FoundFile.State?) -> DeliveryFailure {
    let difference: String
    switch (found, kept.file.state) {
    case (nil, _): difference = "it is missing"
    case (_, nil): difference = "it exists, though it did not before"
    case (let found?, let state?) where found.sha256 != state.sha256: difference = "its content is another"
    case (let found?, let state?):
      difference =
        "owner, group and mode are \(found.owner), \(found.group) and \(found.mode) instead of "
        + "\(state.owner), \(state.group) and \(state.mode)"
    }
    return DeliveryFailure(
      code: "NOT_AS_BEFORE", sentence: "\(kept.file.path) is not as it was before the update: \(difference).",
      advice: "Find out which program changed it, then retry.")
  }
}
