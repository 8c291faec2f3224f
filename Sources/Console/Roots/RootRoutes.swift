import HTTP
import PKI
import Rotation
import Store

extension ConsoleRouter {
  /// The root certificates: list, import, details, download, removal.
  mutating func addRootRoutes() {
    on(.get, "/roots", for: .viewer) { _, _, visit in
      let store = visit.services.store
      return try RootPages.list(
        try await store.roots(), found: try await store.retiringRoots().filter { $0.record == nil },
        updateRuns: try await store.unfinishedUpdate(), try await EndNotice.read(visit), visit)
    }
    on(.get, "/roots/import", for: .administrator(to: "import a root certificate")) { _, _, visit in
      try RootImportPages.form(visit, nil)
    }
    on(.post, "/roots/import", for: .administrator(to: "import a root certificate")) { request, _, visit in
      try await RootImport.upload(request, visit)
    }
    on(.get, "/roots/import/:token", for: .administrator(to: "import a root certificate")) { _, path, visit in
      try await RootImport.ask(token: path["token"] ?? "", visit)
    }
    on(.post, "/roots/import/:token", for: .administrator(to: "import a root certificate")) { request, path, visit in
      try await RootImport.confirm(request, token: path["token"] ?? "", visit)
    }
    on(.get, "/roots/:id", for: .viewer) { _, path, visit in
      let root = try await RootRoutes.root(path, visit)
      return try RootPages.details(root, components: try await RootRoutes.users(of: root, visit), visit)
    }
    on(.get, "/roots/:id/certificate", for: .viewer) { request, path, visit in
      let root = try await RootRoutes.root(path, visit)
      return Download.certificates([root.certificate], name: root.name, format: request.query["format"])
    }
    on(.get, "/roots/:id/remove", for: .administrator(to: "remove a root certificate")) { _, path, visit in
      let root = try await RootRoutes.root(path, visit)
      return try RootPages.remove(
        root, reasonToKeep: try await RootRoutes.reasonToKeep(root, visit), ReasonField(), visit)
    }
    on(.post, "/roots/:id/remove", for: .administrator(to: "remove a root certificate")) { request, path, visit in
      let root = try await RootRoutes.root(path, visit)
      if let reason = try await RootRoutes.reasonToKeep(root, visit) {
        return try RootPages.remove(root, reasonToKeep: reason, ReasonField(), visit)
      }
      let reason = ReasonField(request.form)
      if reason.problem != nil { return try RootPages.remove(root, reasonToKeep: nil, reason, visit) }
      try await RootRoutes.remove(root, reason: reason.value, visit)
      return visit.redirect(to: "/roots", notice: "The root certificate “\(root.name)” and its key were removed.")
    }
  }
}

enum RootRoutes {
  /// The root of a path's number; 404 also for one that was removed, which only the history still knows.
  static func root(_ path: PathParameters, _ visit: Visit) async throws -> RootRecord {
    guard let number = path.integer("id"),
      let root = try await visit.services.store.roots().first(where: { $0.id.rawValue == Int64(number) })
    else { throw PageError.notFound("root certificate") }
    return root
  }

  /// Removes a root and its key.
  ///
  /// - Parameters:
  ///   - reason: why, checked already.
  ///   - isStill: whether the root must not have changed since it was read.
  /// - Throws: ``PageError`` 409 when it is needed; `CHANGED_MEANWHILE`.
  static func remove(_ root: RootRecord, reason: String, isStill: Bool = false, _ visit: Visit) async throws {
    if let needed = try await reasonToKeep(root, visit) {
      let places = needed.where.isEmpty ? "" : " (\(Display.list(needed.where)))"
      throw PageError(409, "\(needed.sentence)\(places) Nothing was removed.", code: "ROOT_IN_USE")
    }
    try await visit.audit(
      .rootRemoved, on: root.name, ["root": "\(root.id)", "fingerprint": root.certificate.fingerprint.hex],
      reason: reason
    ) { try await visit.services.store.removeRoot(root.id, expecting: isStill ? root : nil) }
  }

  /// The components whose certificates in force are of the root.
  static func users(of root: RootRecord, _ visit: Visit) async throws -> [Component] {
    guard let set = try await visit.services.store.currentSet() else { return [] }
    let users = set.members.filter { $0.value.root == root.id }
    return try await visit.services.store.components().filter { users[$0.id] != nil }
  }

  /// Why a root cannot be removed, and where it is needed; nil when it can.
  static func reasonToKeep(_ root: RootRecord, _ visit: Visit) async throws -> (sentence: String, where: [String])? {
    let store = visit.services.store
    if let update = try await store.unfinishedUpdate(), update.root == root.id {
      return ("Update \(update.id), which brings this root, is under way. Wait until it has ended.", [])
    }
    if let restoration = try await store.restoration(), restoration.lookedAt == nil {
      return ("Reroot was restored from a backup and has not looked yet at which roots are in use.", [])
    } else if let restoration = try await store.restoration(), root.state == .imported {
      // The database may take a root for unused that was brought into force after the backup.
      let key = RootKey(root.certificate.fingerprint.hex)
      let presenting = try await store.restorationLooks(restoration.id).values.filter { $0.presents == key }
      if !presenting.isEmpty {
        return (
          "After the restore these components were seen with certificates of it. Bring a root into force on them first.",
          presenting.map(\.component).sorted()
        )
      }
    }
    let users = try await users(of: root, visit)
    let trusting = try await store.components().filter { $0.files.trustFile != nil }
    switch root.state {
    case .inForce:
      return (
        "It is in force: \(Display.count(users.count, "component uses", "components use")) a certificate of it. Bring "
          + "another root into force first.", users.map(\.name)
      )
    case .retiring:
      return (
        "It is still in the trust bundles of these components. Retire it first, once nothing depends on it any more.",
        trusting.map { "\($0.name): \($0.files.trustFile ?? "")" }
      )
    case .imported, .retired:
      return users.isEmpty ? nil : ("Components still use certificates of it.", users.map(\.name))
    }
  }
}
