import HTTP
import PKI
import Store

extension Router where Context == Visit {
  /// The trust store: authorities, and server certificates with their keys.
  mutating func addTrustStoreRoutes() {
    on(.get, "/trust-store") { _, _, visit in
      let store = visit.services.store
      return try TrustStorePages.list(
        authorities: try await store.authorities(), certificates: try await store.serverCertificates(),
        serving: visit.services.https.current, visit)
    }
    addAuthorityRoutes()
    addServerCertificateRoutes()
  }

  private mutating func addAuthorityRoutes() {
    on(.get, "/trust-store/authorities/add") { _, _, visit in try AuthorityPages.form(visit, pem: "", error: nil) }
    on(.post, "/trust-store/authorities/add") { request, _, visit in try await AuthorityImport.add(request, visit) }
    on(.get, "/trust-store/authorities/:id") { _, path, visit in
      try AuthorityPages.details(try await TrustStoreRoutes.authority(path, visit), visit)
    }
    on(.get, "/trust-store/authorities/:id/certificate") { request, path, visit in
      let authority = try await TrustStoreRoutes.authority(path, visit)
      let name = authority.certificate.commonName ?? "authority-\(authority.id)"
      return Download.certificates([authority.certificate], name: name, format: request.query["format"])
    }
    on(.get, "/trust-store/authorities/:id/remove") { _, path, visit in
      try AuthorityPages.remove(try await TrustStoreRoutes.authority(path, visit), visit)
    }
    on(.post, "/trust-store/authorities/:id/remove") { _, path, visit in
      let authority = try await TrustStoreRoutes.authority(path, visit)
      try await visit.services.store.removeAuthority(authority.id)
      visit.log("authority removed", ["fingerprint": authority.certificate.fingerprint.hex])
      return visit.redirect(to: "/trust-store", notice: "The authority was removed from the trust store.")
    }
  }

  private mutating func addServerCertificateRoutes() {
    on(.get, "/trust-store/certificates/add") { _, _, visit in
      try ServerCertificatePages.form(visit, ServerCertificateForm())
    }
    on(.post, "/trust-store/certificates/add") { request, _, visit in
      try await ServerCertificateImport.add(request, visit)
    }
    on(.get, "/trust-store/certificates/:id") { _, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return try ServerCertificatePages.details(record, isServing: TrustStoreRoutes.isServing(record, visit), visit)
    }
    on(.get, "/trust-store/certificates/:id/certificate") { request, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return Download.certificates(record.chain, name: record.name, format: request.query["format"])
    }
    on(.get, "/trust-store/certificates/:id/remove") { _, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      return try ServerCertificatePages.remove(record, isServing: TrustStoreRoutes.isServing(record, visit), visit)
    }
    on(.post, "/trust-store/certificates/:id/remove") { _, path, visit in
      let record = try await TrustStoreRoutes.certificate(path, visit)
      guard !TrustStoreRoutes.isServing(record, visit) else {
        return try ServerCertificatePages.remove(record, isServing: true, visit)
      }
      try await visit.services.store.removeServerCertificate(record.id)
      visit.log("server certificate removed", ["name": record.name])
      return visit.redirect(
        to: "/trust-store", notice: "The server certificate “\(record.name)” and its key were removed.")
    }
  }
}

enum TrustStoreRoutes {
  static func authority(_ path: PathParameters, _ visit: Visit) async throws -> AuthorityRecord {
    guard let number = path.integer("id"),
      let record = try await visit.services.store.authorities().first(where: { $0.id.rawValue == Int64(number) })
    else { throw PageError.notFound("authority") }
    return record
  }

  static func certificate(_ path: PathParameters, _ visit: Visit) async throws -> ServerCertificateRecord {
    guard let number = path.integer("id"),
      let record = try await visit.services.store.serverCertificates().first(where: { $0.id.rawValue == Int64(number) })
    else { throw PageError.notFound("server certificate") }
    return record
  }

  static func isServing(_ record: ServerCertificateRecord, _ visit: Visit) -> Bool {
    visit.services.https.current.source == .trustStore(record.id)
  }
}
