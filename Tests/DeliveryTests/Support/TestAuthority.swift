import Foundation
import PKI
import Rotation

@testable import Delivery
@testable import PKI

/// A root that issues what a test needs.
struct TestAuthority: Sendable {
  let root: Identity

  init(_ name: String = "Test Root") throws {
    root = try RootMaker.makeRoot(
      commonName: name, algorithm: .ecdsaP256, notBefore: .now - 86_400, notAfter: .now + 365 * 86_400)
  }

  var certificate: Certificate { root.chain[0] }

  var rootKey: RootKey { RootKey(certificate.fingerprint.hex) }

  /// A child certificate of the root, with its key.
  func child(
    _ names: [String] = ["127.0.0.1", "localhost"], notBefore: Date = .now - 3_600, notAfter: Date = .now + 86_400
  ) throws -> Identity {
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = ChildRequest(
      names: try names.map { try AlternativeName(parsing: $0) }, usage: .both, publicKeyOf: key,
      serialNumber: .random(), notBefore: notBefore, notAfter: notAfter)
    let issuer = try Issuer(root: certificate, key: root.key)
    return Identity(
      chain: [try issuer.sign(CheckedRequest(request, root: certificate, now: notBefore + 600))], key: key)
  }

  /// A certificate that has ended ten minutes ago.
  func expired() throws -> Identity { try child(notAfter: .now - 600) }

  /// A certificate that begins to be valid in an hour.
  func early() throws -> Identity { try child(notBefore: .now + 3_600) }

  /// An authority between this root and its children: it has the root's certificate behind its own.
  func intermediate() throws -> Identity {
    let key = try PrivateKey.generate(.ecdsaP256)
    let template = CertificateTemplate(
      serialNumber: .random(), commonName: "Test Intermediate", issuer: certificate, notBefore: .now - 3_600,
      notAfter: .now + 86_400, publicKeyOf: key, isAuthority: true, keyUsage: [.keyCertSign, .cRLSign])
    return Identity(chain: [try template.signed(by: root.key)], key: key)
  }

  /// A child of the intermediate authority, with that behind it.
  static func child(of intermediate: Identity) throws -> Identity {
    let key = try PrivateKey.generate(.ecdsaP256)
    let template = CertificateTemplate(
      serialNumber: .random(), commonName: "localhost", issuer: intermediate.chain[0], notBefore: .now - 3_600,
      notAfter: .now + 3_600, publicKeyOf: key, keyUsage: [.digitalSignature], purposes: [.server],
      names: [.ip("127.0.0.1"), .dns("localhost")])
    return Identity(chain: [try template.signed(by: intermediate.key)] + intermediate.chain, key: key)
  }
}
