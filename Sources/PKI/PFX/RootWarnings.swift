import COpenSSL
import Foundation

/// What is worth knowing of a root that is good enough to be imported.
struct RootWarnings {
  let certificate: Certificate
  let extraCount: Int
  let contents: PFXContents
  let neededLegacy: Bool
  let passwordIsEmpty: Bool
  let now: Date

  /// Roots of public authorities live for 15 to 25 years; what is left of 30 is beyond any plan.
  static let longValidityDays = 30 * 365

  /// The warnings, those about the certificate first.
  func all() -> [PFXWarning] { Self.about(certificate, now: now) + aboutFile() }

  /// The warnings about a certificate, wherever its key is.
  static func about(_ certificate: Certificate, now: Date) -> [PFXWarning] {
    var list: [PFXWarning] = []
    let facts = certificate.withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        var digest: Int32 = NID_undef
        _ = X509_get_signature_info(certificate, &digest, nil, nil, nil)
        let key = X509_get0_pubkey(certificate)
        return (
          digest: digest, hasUsage: X509_get_extension_flags(certificate) & UInt32(EXFLAG_KUSAGE) != 0,
          pathLength: X509_get_pathlen(certificate), type: key.map { EVP_PKEY_get_base_id($0) } ?? NID_undef
        )
      }
    }
    if facts.digest == NID_sha1 {
      list.append(
        PFXWarning(
          "SHA1_SIGNATURE",
          "The root's own signature uses SHA-1. Nobody needs to check a root's signature on itself, but some programs refuse it."
        ))
    }
    if !facts.hasUsage {
      list.append(
        PFXWarning(
          "NO_KEY_USAGE",
          "The root does not state what its key may be used for (no key usage). Programs that check strictly may refuse it."
        ))
    }
    if facts.pathLength >= 0 {
      list.append(PFXWarning("PATHLEN_\(facts.pathLength)", pathLength(facts.pathLength)))
    }
    if [EVP_PKEY_ED25519, EVP_PKEY_ED448, EVP_PKEY_RSA_PSS].contains(facts.type) {
      list.append(
        PFXWarning(
          "COMPAT_KEY_TYPE",
          "The root's key is of the type \(certificate.keyDescription), which older programs and most browsers do not accept. "
            + "Try it with every component first."))
    }
    if certificate.notAfter.timeIntervalSince(now) > Double(longValidityDays) * 86_400 {
      list.append(
        PFXWarning(
          "VERY_LONG_VALIDITY",
          "The root is valid until \(PFXDate.text(certificate.notAfter)), which is very long. If its key is ever lost, it stays "
            + "valid until then."))
    }
    return list
  }

  private static func pathLength(_ count: Int) -> String {
    count == 0
      ? "The root may sign certificates of components but no further authorities (path length 0)."
      : "Under this root there may be \(count) further authorit\(count == 1 ? "y" : "ies") one below the other (path length "
        + "\(count))."
  }

  private func aboutFile() -> [PFXWarning] {
    var list: [PFXWarning] = []
    if extraCount > 0 {
      list.append(
        PFXWarning(
          "EXTRA_CERTS_\(extraCount)",
          "The file also holds \(extraCount) other certificate\(extraCount == 1 ? "" : "s"), which will not be imported."
        ))
    }
    if passwordIsEmpty {
      list.append(
        PFXWarning(
          "EMPTY_PASSWORD",
          "The file has an empty password, so whoever has the file has the root's key. Keep it in a safe place."))
    }
    if let place = contents.bags.plaintextKey {
      list.append(
        PFXWarning(
          "PLAINTEXT_KEY_IN_FILE",
          place == .open
            ? "The private key stands in the file without encryption, so whoever has the file has the key. Keep it in a "
              + "safe place."
            : "The private key has no encryption of its own, only that of the part of the file around it, which many "
              + "programs make weaker. Keep the file in a safe place."))
    }
    if neededLegacy {
      list.append(
        PFXWarning(
          "NEEDS_LEGACY_PROVIDER",
          "The file is encrypted with an old cipher that can be broken. Export it again with AES-256 and delete this one."
        ))
    }
    if contents.trailingCount > 0 {
      list.append(
        PFXWarning(
          "TRAILING_DATA",
          "After the end of the PFX there are \(PFXLimits.grouped(contents.trailingCount)) more bytes, which are ignored."
        ))
    }
    if contents.bags.revocationListCount > 0 {
      list.append(
        PFXWarning("HAS_CRL", "The file also holds a list of revoked certificates, which will not be imported."))
    }
    if contents.bags.otherCount > 0 {
      list.append(
        PFXWarning(
          "OTHER_BAGS",
          "The file also holds \(contents.bags.otherCount) object\(contents.bags.otherCount == 1 ? "" : "s") of other kinds, "
            + "which will not be imported."))
    }
    return list
  }
}
