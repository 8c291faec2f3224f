import Foundation
import PKI
import Rotation
import Store

extension HTTPSKeeper {
  /// Makes the console serve what was chosen for an update, and looks at it on the wire.
  ///
  /// - Returns: the certificate that was seen.
  /// - Throws: why it failed; the former certificate is served then, unless the sentence says otherwise.
  func exchange(
    _ choice: HTTPSChoice, for update: UpdateRecord.ID, signer: RootSigner, notAfter: Date
  ) async throws -> Certificate {
    switch choice {
    case .existing: break
    case .trustStore(let number): try await useTrustStore(ServerCertificateRecord.ID(rawValue: number), for: update)
    case .issue:
      let order = IssueOrder(
        update: update, component: nil, names: names, usage: .server, key: .ecdsaP256, notAfter: notAfter)
      _ = try await signer.issueOnce(order)
      guard let issued = try await store.newestIssued(update, component: nil), let key = issued.key else {
        throw ActionError(code: "NO_CERTIFICATE", sentence: "No certificate has been generated for the console.")
      }
      try await replace(
        .issued(try await store.update(update).root), chain: [issued.certificate], key: key, update: update)
    }
    return try await verifyOnTheWire()
  }

  /// Makes the console serve what it served before an update, and looks at it on the wire.
  func restore(before update: UpdateRecord.ID) async throws -> Certificate {
    if let previous = try await store.previousHTTPS(update) {
      try await replace(previous.source, chain: previous.chain, key: previous.key, update: update)
    }
    return try await verifyOnTheWire()
  }

  private func useTrustStore(_ id: ServerCertificateRecord.ID, for update: UpdateRecord.ID) async throws {
    guard let record = try await store.serverCertificates().first(where: { $0.id == id }) else {
      throw ActionError(
        code: "NO_SERVER_CERTIFICATE", sentence: "The server certificate is not in the trust store any more.",
        advice: "Abort, or Override to keep the certificate that the console serves now.")
    }
    try await replace(
      .trustStore(id), chain: record.chain, key: try await store.serverCertificateKey(id), update: update)
  }

  /// A handshake with this very console.
  private func verifyOnTheWire() async throws -> Certificate {
    guard let expected = current.chain.first else {
      throw ActionError(code: "NO_CERTIFICATE", sentence: "The console has no certificate.")
    }
    let chain = try await lookAtItself()
    guard chain.first == expected else {
      throw ActionError(
        code: "SERVES_OTHER_CERTIFICATE",
        sentence: "The console serves “\(chain.first?.subject ?? "no certificate")” instead of “\(expected.subject)”.")
    }
    return expected
  }
}
