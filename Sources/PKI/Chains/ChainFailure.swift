import COpenSSL
import Foundation

/// What OpenSSL found wrong with a chain, and the sentence for it.
struct ChainFailure {
  let error: Int32
  let depth: Int32
  let certificate: Certificate?
  let name: AlternativeName?
  let purpose: Chain.Purpose
  let moment: Date

  /// The error that the caller gets.
  var asError: PKIError {
    let (code, reason) = explanation
    return PKIError(code: code, sentence: "\(subject) \(reason)", detail: "depth \(depth): \(openSSLText)")
  }

  private var subject: String {
    guard let certificate else { return "The certificate" }
    let name = certificate.subject.isEmpty ? certificate.subjectAlternativeNames.first ?? "" : certificate.subject
    return "The certificate “\(VisibleText.of(name, limit: 200))”"
  }

  private var issuer: String { VisibleText.of(certificate?.issuer ?? "unknown", limit: 200) }

  private var openSSLText: String {
    X509_verify_cert_error_string(Int(error)).map { String(cString: $0) } ?? "error \(error)"
  }

  private var explanation: (code: String, reason: String) {
    switch error {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return ("CHAIN_EXPIRED", "ended at \(certificate.map { UTCText.of($0.notAfter) } ?? "?"). Renew it.")
    case X509_V_ERR_CERT_NOT_YET_VALID:
      let start = certificate.map { UTCText.of($0.notBefore) } ?? "?"
      return (
        "CHAIN_NOT_YET_VALID",
        "is valid from \(start) only, and it is \(UTCText.of(moment)). Check the machine's clock."
      )
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, X509_V_ERR_CERT_UNTRUSTED, X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return (
        "CHAIN_UNKNOWN_ISSUER",
        "was issued by “\(issuer)”, which leads to none of the trusted root certificates. Deploy one that they issued, "
          + "with its intermediate certificates, or trust its root."
      )
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return ("CHAIN_UNKNOWN_ISSUER", "is signed by itself and is not among the trusted root certificates.")
    case X509_V_ERR_CERT_SIGNATURE_FAILURE, X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
      return (
        "CHAIN_BAD_SIGNATURE",
        "carries a signature that the key of “\(issuer)” did not make: it was changed, or it is from another root of "
          + "that name."
      )
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH:
      let names = certificate?.subjectAlternativeNames.prefix(10).joined(separator: ", ") ?? ""
      return (
        "CHAIN_NAME_MISMATCH",
        "is not for \(name?.text ?? "this name") but for \(names.isEmpty ? "no name at all" : names)."
      )
    case X509_V_ERR_INVALID_PURPOSE:
      return ("CHAIN_WRONG_PURPOSE", "is not allowed for TLS \(purpose == .server ? "servers" : "clients").")
    case X509_V_ERR_PERMITTED_VIOLATION, X509_V_ERR_EXCLUDED_VIOLATION:
      return ("CHAIN_NAME_NOT_PERMITTED", "has a name that an authority above it is not allowed to certify.")
    case X509_V_ERR_INVALID_CA, X509_V_ERR_INVALID_NON_CA, X509_V_ERR_KEYUSAGE_NO_CERTSIGN,
      X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return ("CHAIN_NOT_AN_AUTHORITY", "is not allowed to stand where it does in the chain: \(openSSLText).")
    case X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK:
      return ("CHAIN_TOO_WEAK", "has a key or a signature that is too weak to be relied on: \(openSSLText).")
    default:
      return ("CHAIN_INVALID", "does not stand up to verification: \(openSSLText).")
    }
  }
}
