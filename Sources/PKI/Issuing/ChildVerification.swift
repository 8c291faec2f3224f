import COpenSSL
import Foundation

/// Holds a child certificate, as others will read it, against what was asked for. It shares nothing with the code that
/// built the certificate.
struct ChildVerification {
  let certificate: Certificate
  let request: ChildRequest
  let root: Certificate

  func verify() throws {
    let isRSA = certificate.keyDescription.hasPrefix("RSA ")
    let usage = UInt32(KU_DIGITAL_SIGNATURE) | (isRSA ? UInt32(KU_KEY_ENCIPHERMENT) : 0)
    let extended = request.usage.purposes.reduce(UInt32(0)) { bits, purpose in
      bits | UInt32(purpose == .server ? XKU_SSL_SERVER : XKU_SSL_CLIENT)
    }
    let expected: [(String, Bool)] = [
      ("version", certificate.withUnsafePointer { X509_get_version($0) } == 2),
      ("serial number", certificate.serialNumber == request.serialNumber.hex),
      ("issuer", certificate.issuer == root.subject && hasIssuerName),
      ("subject", hasSubject),
      ("names", certificate.subjectAlternativeNames == request.names.map(\.description)),
      ("key", request.publicKeyOf.matches(certificate)),
      ("key fingerprint", certificate.publicKeyFingerprint == request.publicKeyOf.publicKeyFingerprint),
      ("start", seconds(certificate.notBefore) == UTCText.clamping(request.notBefore)),
      ("end", seconds(certificate.notAfter) == UTCText.clamping(request.notAfter)),
      ("end after the root's", certificate.notAfter <= root.notAfter),
      ("basic constraints", !certificate.isAuthority && certificate.extensionFlags & UInt32(EXFLAG_BCONS) != 0),
      ("extensions", certificate.extensionFlags & UInt32(EXFLAG_INVALID | EXFLAG_CRITICAL) == 0),
      ("key usage", certificate.withUnsafePointer { X509_get_key_usage($0) } == usage),
      ("extended key usage", certificate.withUnsafePointer { X509_get_extended_key_usage($0) } == extended),
      ("key identifiers", hasKeyIdentifiers),
    ]
    for (what, holds) in expected where !holds {
      throw PKIError(
        code: "ISSUE_NOT_AS_ASKED",
        sentence: "The certificate that was made does not say what was asked for (\(what)), so it was thrown away. "
          + "Report this: nothing an administrator does should lead here.")
    }
    try verifyChain()
  }

  /// Verifies the signature, too. Whether it holds at a moment has nothing to do with what it is used for (RFC 5280, sections
  /// 4.2.1.12 and 6.1.3), so two verifications try both ends and all uses.
  private func verifyChain() throws {
    let purposes = request.usage.purposes
    // X509_cmp_time(3) answers "earlier" for an equal time, so that OpenSSL counts the last second as over already.
    for (moment, purpose) in [(certificate.notBefore, purposes.first), (certificate.notAfter - 1, purposes.last)] {
      try Chain.verify(
        leaf: certificate, intermediates: [], anchors: [root], at: moment, name: request.names.first,
        purpose: purpose ?? .server)
    }
  }

  private var hasIssuerName: Bool {
    certificate.withUnsafePointer { child in
      root.withUnsafePointer { X509_NAME_cmp(X509_get_issuer_name(child), X509_get_subject_name($0)) == 0 }
    }
  }

  private var hasSubject: Bool {
    let first = request.names.first?.text ?? ""
    return first.count <= 64 ? certificate.commonName == first : certificate.subject.isEmpty
  }

  private var hasKeyIdentifiers: Bool {
    certificate.withUnsafePointer { child in
      guard X509_get0_subject_key_id(child) != nil, let authority = X509_get0_authority_key_id(child) else {
        return false
      }
      return root.withUnsafePointer { root in
        guard let own = X509_get0_subject_key_id(root) else { return true }
        return ASN1_OCTET_STRING_cmp(authority, own) == 0
      }
    }
  }

  private func seconds(_ date: Date) -> Int64 { UTCText.clamping(date) }
}
