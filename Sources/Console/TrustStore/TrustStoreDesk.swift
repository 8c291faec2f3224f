import Store

/// What is done to the trust store, by whichever way it was asked for: a form, the API. What is added is for
/// ``AuthorityImport`` and ``ServerCertificateImport``.
enum TrustStoreDesk {
  /// The authority of a number; 404 where there is none.
  static func authority(_ number: Int64?, _ store: Store) async throws -> AuthorityRecord {
    guard let record = try await store.authorities().first(where: { $0.id.rawValue == number }) else {
      throw PageError.notFound("authority")
    }
    return record
  }

  /// The server certificate of a number; 404 where there is none.
  static func serverCertificate(_ number: Int64?, _ store: Store) async throws -> ServerCertificateRecord {
    guard let record = try await store.serverCertificates().first(where: { $0.id.rawValue == number }) else {
      throw PageError.notFound("server certificate")
    }
    return record
  }

  /// Whether the console serves HTTPS with it now.
  static func isServing(_ record: ServerCertificateRecord, _ visit: Visit) -> Bool {
    visit.services.https.current.source == .trustStore(record.id)
  }

  /// Removes an authority. No component is changed.
  ///
  /// - Parameter reason: why, checked already.
  static func remove(_ authority: AuthorityRecord, reason: String, _ visit: Visit) async throws {
    try await visit.audit(
      .authorityRemoved, on: authority.certificate.subject, ["fingerprint": authority.certificate.fingerprint.hex],
      reason: reason
    ) { try await visit.services.store.removeAuthority(authority.id) }
  }

  /// Removes a server certificate and its key.
  ///
  /// - Parameter reason: why, checked already.
  /// - Throws: `IN_USE` while the console serves HTTPS with it.
  static func remove(_ record: ServerCertificateRecord, reason: String, _ visit: Visit) async throws {
    try await visit.audit(
      .serverCertificateRemoved, on: record.name, ["fingerprint": record.chain.first?.fingerprint.hex ?? "none"],
      reason: reason
    ) { try await visit.services.store.removeServerCertificate(record.id) }
  }
}
