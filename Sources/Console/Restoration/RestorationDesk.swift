import Delivery
import Foundation
import Logging
import Rotation
import Store
import Synchronization

/// Sees to it that a server whose database was restored from a backup looks at every component before anything is done.
///
/// Until the look is over, and until somebody has read what differs, the store starts no update and takes no decision.
public actor RestorationDesk {
  private let store: Store
  private let updates: UpdateService
  private let targets: Targets
  private let access: @Sendable (Component) -> TargetAccess
  private let clock: @Sendable () -> Date
  private let logger: Logger
  private var work: Task<Void, Never>?
  /// The looks that somebody asks for.
  let lookingAgain = JoinedRun<Void>()
  private nonisolated let standing = Mutex<RestorationRecord?>(nil)

  init(
    store: Store, updates: UpdateService, targets: Targets, access: @escaping @Sendable (Component) -> TargetAccess,
    clock: @escaping @Sendable () -> Date, logger: Logger
  ) {
    self.store = store
    self.updates = updates
    self.targets = targets
    self.access = access
    self.clock = clock
    self.logger = logger
  }

  /// The restoration that still waits for a look or for a reader; nil for none. Every page says so.
  nonisolated var open: RestorationRecord? { standing.withLock { $0 } }

  /// Begins the look that a restored database waits for, if it does. Returns at once, with nothing startable before it.
  func begin() async throws {
    guard let found = try await store.restoration(), found.isOpen else { return }
    standing.withLock { $0 = found }
    guard found.lookedAt == nil else { return }
    logger.warning("restored from a backup", metadata: ["made": "\(Display.machine(found.backupMadeAt))"])
    work = Task { await persist(found.id) }
  }

  /// Nothing may start before the look is over, so it is tried until it is.
  private func persist(_ id: RestorationRecord.ID) async {
    while !Task.isCancelled {
      do {
        // The update asks anew first: its question is part of what is read.
        try await updates.journalWasRestored()
        return try await lookNow(id)
      } catch {
        logger.error("restored components not looked at", metadata: ["reason": "\(error)"])
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }

  /// Looks again at every component, as long as updates wait for it; joins a look that goes on already.
  func lookAgain() async throws {
    await work?.value
    try await lookingAgain.run {
      guard let found = try await self.store.restoration(), found.isOpen else { return }
      try await self.lookNow(found.id)
    }
  }

  /// Remembers that somebody has seen what differs.
  func confirm(by user: String) async throws {
    guard let found = try await store.restoration() else { return }
    try await store.confirmRestoration(found.id, by: user)
    try await refresh()
  }

  /// What the look showed of one component, as long as that is news.
  func look(at component: Component.ID) async throws -> RestorationLook? {
    guard let open else { return nil }
    return try await store.restorationLooks(open.id)[component]
  }

  /// Ends a look that is under way; the next start begins it again.
  func stop() async {
    work?.cancel()
    await work?.value
  }

  private func lookNow(_ id: RestorationRecord.ID) async throws {
    let set = try await store.currentSet()
    let sightings = try await store.sightings()
    let roots = try await store.roots()
    let unfinished = try await store.unfinishedUpdate()
    let now = clock()
    var looks: [RestoredComponentLook] = []
    for component in try await store.components() {
      var issued: Set<String> = []
      if let update = unfinished?.id, let found = try await store.newestIssued(update, component: component.id) {
        issued = [found.certificate.fingerprint.hex]
      }
      looks.append(
        RestoredComponentLook(
          component: component,
          delivery: ComponentDelivery(component: component, access: access(component), now: clock),
          member: set?.members[component.id], issued: issued, sightings: sightings[component.id] ?? [], roots: roots,
          now: now))
    }
    let seen = await ManyAtOnce.each(looks) { ($0.component.id, await $0.look()) }
    await targets.closeIdle()
    try Task.checkCancellation()
    for (component, result) in seen { try await store.recordSightings(component, result.served) }
    try await store.recordRestorationLooks(
      id, Dictionary(seen.map { ($0.0, $0.1.look) }, uniquingKeysWith: { first, _ in first }))
    logger.notice(
      "restored components looked at",
      metadata: [
        "components": "\(seen.count)", "different": "\(seen.count { $0.1.look.verdict == .differs })",
        "unseen": "\(seen.count { $0.1.look.verdict == .unseen })",
      ])
    try await refresh()
  }

  private func refresh() async throws {
    let found = try await store.restoration()
    standing.withLock { $0 = found?.isOpen == true ? found : nil }
  }
}
