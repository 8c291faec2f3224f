import Delivery
import Foundation
import PKI
import Rotation
import Store

/// What is to be issued.
struct IssueOrder: Sendable {
  var update: UpdateRecord.ID?
  /// nil for the console's own certificate.
  var component: Component.ID?
  var names: [AlternativeName]
  var usage: CertificateUsage
  var key: PKI.KeyAlgorithm
  var notAfter: Date
}

/// Issues child certificates under one root: the intent is on disk before the signature is made.
struct RootSigner: Sendable {
  let record: RootRecord
  let issuer: Issuer
  let store: Store
  let threads: WorkThreads
  let clock: @Sendable () -> Date

  var root: Certificate { record.certificate }

  /// How far before the moment of issuing a certificate begins to be valid, in seconds, for clocks that are behind.
  private static let backdating: TimeInterval = 3600

  init(
    record: RootRecord, store: Store, threads: WorkThreads, clock: @escaping @Sendable () -> Date
  ) async throws {
    let pem = try await store.rootKey(record.id)
    self.record = record
    self.store = store
    self.threads = threads
    self.clock = clock
    issuer = try await threads.run { try Issuer(root: record.certificate, key: PrivateKey(pem: pem)) }
  }

  /// Makes a key and a certificate for it, and keeps both.
  func issue(_ order: IssueOrder) async throws -> Certificate {
    let now = clock()
    let key = try await threads.run { try PrivateKey.generate(order.key) }
    let serial = try SerialNumber.random()
    let intent = try await store.beginIssuance(
      update: order.update, component: order.component, root: record.id, serial: serial, key: key.pkcs8PEM(),
      names: order.names.map(\.description))
    let request = ChildRequest(
      names: order.names, usage: order.usage, publicKeyOf: key, serialNumber: serial,
      notBefore: max(root.notBefore, now.addingTimeInterval(-Self.backdating)), notAfter: order.notAfter)
    let certificate = try await threads.run {
      try issuer.sign(CheckedRequest(request, root: record.certificate, now: now))
    }
    try await store.finishIssuance(intent, certificate: certificate)
    return certificate
  }
}

extension SubjectName {
  var alternativeName: AlternativeName {
    switch self {
    case .dns(let name): .dns(name)
    case .ip(let address): .ip(address)
    }
  }
}

extension Component.Usage {
  var certificateUsage: CertificateUsage {
    switch self {
    case .server: .server
    case .client: .client
    case .both: .both
    }
  }
}

extension KeyKind {
  /// The same kind in the words of the PKI room; both use the same text.
  var algorithm: PKI.KeyAlgorithm { PKI.KeyAlgorithm(rawValue: rawValue) ?? .ecdsaP256 }
}
