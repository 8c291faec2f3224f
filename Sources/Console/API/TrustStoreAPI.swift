import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// The trust store: authorities, server certificates, and what the console serves HTTPS with.
  mutating func addTrustStore() {
    let tag = "Trust store"
    addAuthorities(tag)
    addServerCertificates(tag)
    on(
      .get, "/trust-store/https", tag,
      .init(
        id: "readHTTPSCertificate", summary: "Read what the console serves HTTPS with",
        text: "An update brings another one: see `https` of a plan.", access: .viewer,
        result: .json(TrustStoreAPI.https, "The certificate, and where it comes from.")
      ) { call in .json(TrustStoreAPI.json(call.services.https.current)) })
  }

  private mutating func addAuthorities(_ tag: String) {
    let authority = Shape<AuthorityRecord>.authority
    let change = RouteAccess.administrator(to: "change the trust store")
    on(
      .get, "/trust-store/authorities", tag,
      .init(
        id: "listAuthorities", summary: "List the trusted authorities", access: .viewer,
        parameters: APIParameter.paging, result: .json(authority.list, "The authorities, the newest first.")
      ) { call in call.list(try await call.store.authorities(), .authority) })
    on(
      .post, "/trust-store/authorities", tag,
      .init(
        id: "addAuthorities", summary: "Add trusted authorities",
        text: "Those that are there already are passed over. All of the file, or nothing of it.", access: change,
        body: .multipart(
          .object(.must("file", .file, "Certificates as PEM, one or many, or one as DER; at most 1 MiB."))),
        result: .json(TrustStoreAPI.added, "What was added.", status: 201), isRepeatable: true
      ) { call in try await TrustStoreAPI.addAuthorities(call) })
    on(
      .get, "/trust-store/authorities/:id", tag,
      .init(
        id: "readAuthority", summary: "Read a trusted authority", access: .viewer,
        result: .json(authority.schema, "The authority.")
      ) { call in .json(Shape.authority.json(try await TrustStoreRoutes.authority(call.path, call.visit))) })
    on(
      .get, "/trust-store/authorities/:id/certificate", tag,
      .init(
        id: "downloadAuthority", summary: "Download the certificate of an authority", access: .viewer,
        parameters: [.certificateFormat], result: .certificate
      ) { call in
        let record = try await TrustStoreRoutes.authority(call.path, call.visit)
        return .response(
          Download.certificates(
            [record.certificate], name: record.certificate.commonName ?? "authority-\(record.id)",
            format: call.query["format"]?.text))
      })
    on(
      .delete, "/trust-store/authorities/:id", tag,
      .init(
        id: "removeAuthority", summary: "Remove a trusted authority", text: "No component is changed.",
        access: change, parameters: [.reason], result: .done
      ) { call in
        let record = try await TrustStoreRoutes.authority(call.path, call.visit)
        try await TrustStoreDesk.remove(
          record, reason: try ReasonField.checked(call.query["reason"]?.text), call.visit)
        return .nothing
      })
  }

  private mutating func addServerCertificates(_ tag: String) {
    let certificate = Shape<TrustStoreAPI.Served>.serverCertificate
    let change = RouteAccess.administrator(to: "change the trust store")
    on(
      .get, "/trust-store/server-certificates", tag,
      .init(
        id: "listServerCertificates", summary: "List the server certificates", access: .viewer,
        parameters: APIParameter.paging, result: .json(certificate.list, "The certificates, by name.")
      ) { call in
        call.list(
          try await call.store.serverCertificates().map { TrustStoreAPI.Served($0, call.visit) }, .serverCertificate)
      })
    on(
      .post, "/trust-store/server-certificates", tag,
      .init(
        id: "addServerCertificate", summary: "Add a server certificate with its key",
        text: "As a PFX file with its password, or as a pair of PEM files. The console serves HTTPS with it after an "
          + "update that chooses it.", access: change,
        body: .multipart(TrustStoreAPI.upload),
        result: .json(certificate.schema, "The server certificate.", status: 201).located, isRepeatable: true
      ) { call in
        let added = try await UsersAPI.atMembers {
          try await ServerCertificateImport.add(call.request.form, call.visit)
        }
        return .json(
          Shape.serverCertificate.json(TrustStoreAPI.Served(added, call.visit)),
          location: "\(APIPath.root)/trust-store/server-certificates/\(added.id)")
      })
    on(
      .get, "/trust-store/server-certificates/:id", tag,
      .init(
        id: "readServerCertificate", summary: "Read a server certificate", access: .viewer,
        result: .json(certificate.schema, "The server certificate.")
      ) { call in
        let record = try await TrustStoreRoutes.certificate(call.path, call.visit)
        return .json(Shape.serverCertificate.json(TrustStoreAPI.Served(record, call.visit)))
      })
    on(
      .get, "/trust-store/server-certificates/:id/certificate", tag,
      .init(
        id: "downloadServerCertificate", summary: "Download a server certificate",
        text: "The whole chain as PEM; its own certificate as DER. Never its key.", access: .viewer,
        parameters: [.certificateFormat], result: .certificate
      ) { call in
        let record = try await TrustStoreRoutes.certificate(call.path, call.visit)
        return .response(
          Download.certificates(record.chain, name: record.name, format: call.query["format"]?.text))
      })
    on(
      .delete, "/trust-store/server-certificates/:id", tag,
      .init(
        id: "removeServerCertificate", summary: "Remove a server certificate and its key", access: change,
        parameters: [.reason], result: .done, problems: [409]
      ) { call in
        let record = try await TrustStoreRoutes.certificate(call.path, call.visit)
        try await TrustStoreDesk.remove(
          record, reason: try ReasonField.checked(call.query["reason"]?.text), call.visit)
        return .nothing
      })
  }
}

extension Schema {
  /// A file of a form.
  static let file = Schema(.string(length: nil, format: "binary", pattern: nil))
}

extension APIParameter {
  /// In which form a certificate is wanted.
  static let certificateFormat = APIParameter.query(
    "format", Schema.oneOf(["pem", "der"]).initially("pem"), "PEM (RFC 7468) or DER.")
}

extension APIResult {
  /// A certificate as a file.
  static let certificate = APIResult(
    text: "The certificate.", content: .bytes(["application/x-pem-file", "application/pkix-cert"]))
}

enum TrustStoreAPI {
  /// A server certificate, and whether it serves now.
  struct Served: Sendable {
    let record: ServerCertificateRecord
    let isServing: Bool

    init(_ record: ServerCertificateRecord, _ visit: Visit) {
      (self.record, isServing) = (record, TrustStoreDesk.isServing(record, visit))
    }
  }

  static let added = Schema.object(
    .must("added", .number, "How many were new."), .must("known", .number, "How many were there already."),
    .must("authorities", .array(Shape<AuthorityRecord>.authority.schema), "Those of the file, new or not."))

  static func addAuthorities(_ call: APICall) async throws -> APIAnswer {
    guard let file = call.request.form.file("file") else {
      throw InputRefusal("/file", "Send the certificates as a file of the form.")
    }
    let added = try await UsersAPI.atMembers { try await AuthorityImport.add(file.bytes, field: "file", call.visit) }
    let given = Set(added.certificates.map(\.fingerprint))
    let records = try await call.store.authorities().filter { given.contains($0.certificate.fingerprint) }
    return .json([
      "added": .integer(Int64(added.count)), "known": .integer(Int64(added.known)),
      "authorities": .array(records.map(Shape.authority.json)),
    ])
  }

  static let upload = Schema.object(
    .must("name", .string(1...200), "What administrators call it, 1 to 64 characters."),
    .may("file", .file, "A PFX file, at most 1 MiB."), .may("password", .string(0...1024), "Its password."),
    .may("certificate", .file, "Or the certificate as PEM, then those that lead to its root."),
    .may("key", .file, "With its key as PEM, without a password."))

  // MARK: HTTPS

  static let https = Schema.object(
    .must(
      "source", .oneOf(["own", "trustStore", "issued"]),
      "`own`: self-signed by the console. `trustStore`: a server certificate. `issued`: by a root, in an update."),
    .must("serverCertificate", Schema.identifier.orNull, "Which server certificate, with `trustStore`."),
    .must("chain", .array(Shape<Certificate>.certificate.schema), "Its own certificate first."))

  static func json(_ record: HTTPSRecord) -> JSONValue {
    var (source, number) = ("own", JSONValue.null)
    switch record.source {
    case .own: break
    case .trustStore(let id): (source, number) = ("trustStore", .integer(id.rawValue))
    case .issued: source = "issued"
    }
    return [
      "source": .string(source), "serverCertificate": number,
      "chain": .array(record.chain.map(Shape<Certificate>.certificate.json)),
    ]
  }
}

extension Shape where Value == AuthorityRecord {
  /// A trusted authority.
  static var authority: Shape<AuthorityRecord> {
    Shape(
      "Authority", "A certificate authority that Reroot itself trusts, besides its roots.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.id.rawValue) },
        Member("certificate", Shape<Certificate>.certificate.schema, "Its certificate.") {
          Shape<Certificate>.certificate.json($0.certificate)
        },
        Member("addedAt", .moment, "When it was added.") { .moment($0.addedAt) },
        Member("addedBy", .string, "Who added it.") { .string($0.addedBy) },
      ])
  }
}

extension Shape where Value == TrustStoreAPI.Served {
  /// A server certificate.
  static var serverCertificate: Shape<TrustStoreAPI.Served> {
    Shape(
      "ServerCertificate", "A certificate with its key, which the console may serve HTTPS with.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.record.id.rawValue) },
        Member("name", .string, "What administrators call it.") { .string($0.record.name) },
        Member("chain", .array(Shape<Certificate>.certificate.schema), "Its own certificate first.") {
          .array($0.record.chain.map(Shape<Certificate>.certificate.json))
        },
        Member("isServing", .boolean, "Whether the console serves HTTPS with it now.") { .bool($0.isServing) },
        Member("addedAt", .moment, "When it was added.") { .moment($0.record.addedAt) },
        Member("addedBy", .string, "Who added it.") { .string($0.record.addedBy) },
      ])
  }
}
