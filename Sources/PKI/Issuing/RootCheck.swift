import COpenSSL
import Foundation

/// Whether a root certificate may sign child certificates now.
enum RootCheck {
  static func check(_ root: Certificate, usage: CertificateUsage, now: Date) throws {
    let name = "The root certificate “\(VisibleText.of(root.subject, limit: 200))”"
    func refuse(_ code: String, _ reason: String) -> PKIError { PKIError(code: code, sentence: "\(name) \(reason)") }
    guard root.extensionFlags & UInt32(EXFLAG_INVALID) == 0 else {
      throw refuse("ROOT_INVALID", "has an extension that cannot be read. Import another root.")
    }
    guard root.isAuthority else {
      throw refuse("ROOT_NOT_AUTHORITY", "is not an authority: it has no basic constraints with CA:TRUE.")
    }
    // X509_get_key_usage(3): UINT32_MAX where the extension is absent, which leaves every use open (RFC 5280 4.2.1.3).
    guard root.withUnsafePointer({ X509_get_key_usage($0) }) & UInt32(KU_KEY_CERT_SIGN) != 0 else {
      throw refuse("ROOT_MAY_NOT_SIGN", "may not sign certificates: its key usage lacks keyCertSign.")
    }
    // RFC 5280 4.1.2.4: the issuer field must contain a name.
    guard !root.subject.isEmpty else {
      throw PKIError(
        code: "ROOT_NO_NAME", sentence: "The root certificate has no name, so none can be issued under it.")
    }
    for purpose in usage.purposes {
      let use = purpose == .server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT
      guard root.withUnsafePointer({ X509_check_purpose($0, use, 1) }) > 0 else {
        throw refuse(
          "ROOT_PURPOSE",
          "is limited to other purposes: it cannot issue certificates for TLS \(purpose == .server ? "servers" : "clients")."
        )
      }
    }
    guard now >= root.notBefore else {
      throw refuse(
        "ROOT_NOT_YET_VALID",
        "is valid from \(UTCText.of(root.notBefore)) only, and it is \(UTCText.of(now)). Check this machine's clock.")
    }
    guard now <= root.notAfter else {
      throw refuse("ROOT_EXPIRED", "ended at \(UTCText.of(root.notAfter)). Import a new root.")
    }
    guard let usable = root.withUnsafePointer({ X509_get0_pubkey($0) }) else {
      throw refuse("ROOT_INVALID", "has a key of a kind that cannot sign here.")
    }
    _ = try SignatureDigest(forKey: usable)
  }
}
