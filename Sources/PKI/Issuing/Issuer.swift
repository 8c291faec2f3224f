import COpenSSL
import Foundation

/// A root certificate with its key: what signs child certificates.
public final class Issuer: Sendable {
  /// The certificate that children are issued under.
  public let root: Certificate
  private let key: Key

  private enum Key {
    case held(PrivateKey)
    case inModule(TokenKey)
  }

  /// Takes a root with its key. Throws `ISSUER_KEY_MISMATCH` when they do not belong together.
  public init(root: Certificate, key: PrivateKey) throws {
    guard key.matches(root) else {
      throw PKIError(
        code: "ISSUER_KEY_MISMATCH",
        sentence: "The key does not belong to the root certificate “\(VisibleText.of(root.subject, limit: 200))”. "
          + "Import the root again.")
    }
    self.root = root
    self.key = .held(key)
  }

  /// Takes a root whose key stays in a hardware module, which signs once to show that it is the right one.
  ///
  /// Blocking. Throws `TOKEN_…`.
  public init(root: Certificate, key: TokenKey) throws {
    try key.check()
    self.root = root
    self.key = .inModule(key)
  }

  /// Signs what the profile allowed. The result has been read back from its bytes and verified against the root and the
  /// request before it is returned; `ISSUE_…` and `CHAIN_…` errors say what did not hold.
  ///
  /// Blocking: milliseconds under an RSA root of 4096 bits, less under others.
  public func sign(_ checked: consuming CheckedRequest) throws -> Certificate {
    guard checked.root == root else {
      throw PKIError(
        code: "ISSUE_OTHER_ROOT", sentence: "The request was checked for another root than the one that was to sign it."
      )
    }
    let request = checked.request
    let template = CertificateTemplate(child: request, root: root)
    let certificate =
      switch key {
      case .held(let key): try template.signed(by: key)
      case .inModule(let key): try template.signed(by: key)
      }
    try ChildVerification(certificate: certificate, request: request, root: root).verify()
    return certificate
  }
}

extension CertificateTemplate {
  /// The longest common name that X.520 allows, in characters (RFC 5280 appendix A, ub-common-name).
  private static let longestCommonName = 64

  /// The profile of child certificates.
  init(child request: ChildRequest, root: Certificate) {
    let first = request.names.first?.text
    let isRSA = request.publicKeyOf.withUnsafePointer { EVP_PKEY_get_base_id($0) == EVP_PKEY_RSA }
    self.init(
      serialNumber: request.serialNumber,
      commonName: first.flatMap { $0.unicodeScalars.count <= Self.longestCommonName ? $0 : nil },
      issuer: root, notBefore: request.notBefore, notAfter: request.notAfter, publicKeyOf: request.publicKeyOf,
      // Only an RSA key can transport a TLS key (RFC 5246 7.4.2); the others sign.
      keyUsage: isRSA ? [.digitalSignature, .keyEncipherment] : [.digitalSignature],
      purposes: request.usage.purposes, names: request.names)
  }
}
