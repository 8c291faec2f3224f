import Foundation
import Synchronization
import Testing

@testable import PKI

/// A root that signs for the tests.
struct TestRoot: Sendable {
  let identity: Identity

  init(
    _ name: String, from: TimeInterval = -30 * 86_400, to: TimeInterval = 5 * 365 * 86_400,
    algorithm: KeyAlgorithm = .ecdsaP256
  ) throws {
    identity = try RootMaker.makeRoot(
      commonName: name, algorithm: algorithm, notBefore: TestClock.start + from, notAfter: TestClock.start + to)
  }

  var certificate: Certificate { identity.chain[0] }

  /// A certificate and key of this root.
  func child(
    _ names: [String], usage: CertificateUsage = .both, until: TimeInterval = 300 * 86_400
  ) throws -> Identity {
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = ChildRequest(
      names: try names.map { try AlternativeName(parsing: $0) }, usage: usage, publicKeyOf: key,
      serialNumber: .random(), notBefore: TestClock.start - 86_400, notAfter: TestClock.start + until)
    let issuer = try Issuer(root: certificate, key: identity.key)
    let certificate = try issuer.sign(CheckedRequest(request, root: certificate, now: TestClock.start))
    return Identity(chain: [certificate], key: key)
  }

  /// The root as a PFX file.
  func pfx(password: String = "geheim", name: String = "Root") throws -> [UInt8] {
    try PFX.make(identity: identity, friendlyName: name, password: SecretBytes(utf8: password))
  }
}

extension Identity {
  var keyPEM: String {
    get throws { try key.pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) } }
  }
}
