import HTTP
import PKI
import Store

extension ConsoleRouter {
  /// The trust store: authorities, and server certificates with their keys.
  mutating func addTrustStoreRoutes() {
    on(.get, "/trust-store", for: .viewer) { _, _, visit in
      let store = visit.services.store
      return try TrustStorePages.list(
        authorities: try await store.authorities(), certificates: try await store.serverCertificates(),
        serving: visit.services.https.current, try await EndNotice.read(visit), visit)
    }
    addAuthorityRoutes()
    addServerCertificateRoutes()
  }

  private mutating func addAuthorityRoutes() {
    on(.get, "/trust-store/authorities/add", for: .administrator(to: "change the trust store")) { _, _, visit in
      try AuthorityPages.form(visit, pem: "", error: nil)
    }
    on(.post, "/trust-store/authorities/add", for: .administrator(to: "change the trust store")) { request, _, visit in
      try await AuthorityImport.add(request, visit)
    }
    on(.get, "/trust-store/authorities/:id", for: .viewer) { _, path, visit in
      try AuthorityPages.details(try await TrustStoreRoutes.authority(path, visit), visit)
    }
    on(.get, "/trust-store/authorities/:id/certificate", for: .viewer) { request, path, visit in
      let authority = try await TrustStoreRoutes.authority(path, visit)
      let name = authority.certificate.commonName ?? "authority-\(authority.id)"
      return Download.certificates([authority.certificate], name: name, format: request.query["format"])
    }
    on(.get, "/trust-store/authorities/:id/remove", for: .administrator(to: "change the trust store")) {
      _, path, visit in
      try AuthorityPages.remove(try await TrustStoreRoutes.authority(path, visit), ReasonField(), visit)
    }
    on(.post, "/trust-store/authorities/:id/remove", for: .administrator(to: "change the trust store")) {
      request, path, visit in
      let authority = try await TrustStoreRoutes.authority(path, visit)
      let reason = ReasonField(request.form)
      if reason.problem != nil { return try AuthorityPages.remove(authority, reason, visit) }
      try await TrustStoreDesk.remove(authority, reason: reason.value, visit)
      return visit.redirect(to: "/trust-store", notice: "The authority was removed from the trust store.")
    }
  }

  private mutating func addServerCertificateRoutes() {
    on(.get, "/trust-store/certificates/add", for: .administrator(to: "change the trust store")) { _, _, visit in
      try ServerCertificatePages.form(visit, ServerCertificateForm())
    }
    on(.post, "/trust-store/certificates/add", for: .administrator(to: "change the trust store")) { request, _, visit in
      try await ServerCertificateImport.add(request, visit)
    }
    on(.get, "/trust-store/certificates/:id", for: .viewer) { _, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return try ServerCertificatePages.details(record, isServing: TrustStoreDesk.isServing(record, visit), visit)
    }
    on(.get, "/trust-store/certificates/:id/certificate", for: .viewer) { request, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return Download.certificates(record.chain, name: record.name, format: request.query["format"])
    }
    on(.get, "/trust-store/certificates/:id/remove", for: .administrator(to: "change the trust store")) {
      _, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return try ServerCertificatePages.remove(
        record, isServing: TrustStoreDesk.isServing(record, visit), ReasonField(), visit)
    }
    on(.post, "/trust-store/certificates/:id/remove", for: .administrator(to: "change the trust store")) {
      request, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      guard !TrustStoreDesk.isServing(record, visit) else {
        return try ServerCertificatePages.remove(record, isServing: true, ReasonField(), visit)
      }
      let reason = ReasonField(request.form)
      if reason.problem != nil { return try ServerCertificatePages.remove(record, isServing: false, reason, visit) }
      try await TrustStoreDesk.remove(record, reason: reason.value, visit)
      return visit.redirect(
        to: "/trust-store", notice: "The server certificate “\(record.name)” and its key were removed.")
    }
  }
}

enum TrustStoreRoutes {
  static func authority(_ path: PathParameters, _ visit: Visit) async throws -> AuthorityRecord {
    try await TrustStoreDesk.authority(path.integer("id").map(Int64.init), visit.services.store)
  }

  static func certificate(_ path: PathParameters, _ visit: Visit) async throws -> ServerCertificateRecord {
    try await TrustStoreDesk.serverCertificate(path.integer("id").map(Int64.init), visit.services.store)
  }
}
