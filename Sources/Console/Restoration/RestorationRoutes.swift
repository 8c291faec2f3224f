import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// What differs after a restore: the page, looking again, the confirmation.
  mutating func addRestorationRoutes() {
    on(.get, RestorationPages.path, for: .viewer) { _, _, visit in
      let store = visit.services.store
      let restoration = try await RestorationRoutes.restoration(visit)
      return try RestorationPages.show(
        restoration, try await store.restorationLooks(restoration.id), unfinished: try await store.unfinishedUpdate(),
        components: try await store.components(), visit)
    }
    on(.post, "\(RestorationPages.path)/looks", for: .operator(to: "look at the components again")) { _, _, visit in
      try await visit.services.restoration.lookAgain()
      return visit.redirect(to: RestorationPages.path)
    }
    on(.post, "\(RestorationPages.path)/seen", for: .operator(to: "confirm what differs")) {
      _, _, visit in
      try await RestorationRoutes.confirm(visit)
      return visit.redirect(to: RestorationPages.path, notice: "Updates can start again.")
    }
  }
}

enum RestorationRoutes {
  /// The newest restoration; 404 for a database that never came from a backup.
  static func restoration(_ visit: Visit) async throws -> RestorationRecord {
    guard let restoration = try await visit.services.store.restoration() else {
      throw PageError(404, "This server's database was not restored from a backup.")
    }
    return restoration
  }

  /// Records that whoever asks has seen what differs.
  ///
  /// - Throws: `NOT_LOOKED_YET`.
  static func confirm(_ visit: Visit) async throws {
    let name = try visit.signedIn().name
    try await visit.audit(.restorationConfirmed) { try await visit.services.restoration.confirm(by: name) }
  }
}
