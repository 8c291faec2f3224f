import COpenSSL
import Foundation

/// Verifies certificate chains by RFC 5280 section 6, strictly.
public enum Chain {
  /// What the leaf is to be used for.
  public enum Purpose: Sendable, Hashable {
    /// A TLS server.
    case server
    /// A TLS client.
    case client
  }

  /// Throws unless a chain from the leaf over some of the intermediates to one of the anchors holds at that moment.
  ///
  /// An anchor is trusted as it is: it need not be signed by itself, how it is signed does not matter, and its own
  /// formal defects (a missing key identifier, say) are overlooked, for RFC 5280 6.1 does not make it part of the path.
  /// Everything else is held to OpenSSL's X509_V_FLAG_X509_STRICT. With `name` the leaf has to be for that host or
  /// address; its common name does not count. A certificate's very last second counts as over, as OpenSSL has it. Codes
  /// begin with `CHAIN_`.
  public static func verify(
    leaf: Certificate, intermediates: [Certificate], anchors: [Certificate], at moment: Date, name: AlternativeName?,
    purpose: Purpose
  ) throws {
    let failed = PKIError(code: "OUT_OF_MEMORY", sentence: "There is no memory left to verify a certificate.")
    let untrusted = try CertificateList(intermediates)
    OpenSSLErrors.clear()
    defer { OpenSSLErrors.clear() }
    guard let store = X509_STORE_new() else { throw failed }
    defer { X509_STORE_free(store) }
    for anchor in anchors {
      guard anchor.withUnsafePointer({ X509_STORE_add_cert(store, $0) }) == 1 else { throw failed }
    }
    guard let context = X509_STORE_CTX_new() else { throw failed }
    defer { X509_STORE_CTX_free(context) }
    try leaf.withUnsafePointer { leafPointer in
      try untrusted.withUnsafePointer { list in
        guard X509_STORE_CTX_init(context, store, leafPointer, list) == 1 else { throw failed }
        try configure(context, moment: moment, name: name, purpose: purpose)
        X509_STORE_CTX_set_verify_cb(context, overlookFormOfAnchor)
        guard X509_verify_cert(context) != 1 else { return }
        throw ChainFailure(
          error: X509_STORE_CTX_get_error(context), depth: X509_STORE_CTX_get_error_depth(context),
          certificate: try copy(X509_STORE_CTX_get_current_cert(context)) ?? leaf, name: name, purpose: purpose,
          moment: moment
        ).asError
      }
    }
  }

  private static func configure(
    _ context: OpaquePointer, moment: Date, name: AlternativeName?, purpose: Purpose
  ) throws {
    let parameters = X509_STORE_CTX_get0_param(context)
    X509_VERIFY_PARAM_set_time(parameters, time_t(UTCText.clamping(moment)))
    X509_VERIFY_PARAM_set_depth(parameters, 10)
    // Level 1 refuses what nobody accepts any more (MD5 and SHA-1 signatures, keys worth less than 80 bits).
    X509_VERIFY_PARAM_set_auth_level(parameters, 1)
    X509_VERIFY_PARAM_set_hostflags(
      parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
    let flags = UInt(X509_V_FLAG_X509_STRICT | X509_V_FLAG_PARTIAL_CHAIN)
    let use = purpose == .server ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT
    var accepted =
      X509_VERIFY_PARAM_set_flags(parameters, flags) == 1 && X509_VERIFY_PARAM_set_purpose(parameters, use) == 1
    switch name {
    case .dns(let host):
      // X509_VERIFY_PARAM_set_flags(3): an empty name means that any is accepted.
      accepted = accepted && !host.isEmpty && X509_VERIFY_PARAM_set1_host(parameters, host, host.utf8.count) == 1
    case .ip(let address):
      let octets = name?.octets ?? []
      accepted = accepted && !octets.isEmpty && X509_VERIFY_PARAM_set1_ip(parameters, octets, octets.count) == 1
      guard accepted else {
        throw PKIError(code: "NAME_INVALID", sentence: "“\(VisibleText.of(address, limit: 100))” is not an address.")
      }
    case nil: break
    }
    guard accepted else {
      throw PKIError(
        code: "NAME_INVALID", sentence: "“\(VisibleText.of(name?.text ?? "", limit: 253))” cannot be verified.")
    }
  }

  private static func copy(_ certificate: OpaquePointer?) throws -> Certificate? {
    guard let certificate, X509_up_ref(certificate) == 1 else { return nil }
    return try Certificate(takingOwnership: certificate)
  }

  /// The chain is complete and its end trusted before extensions are looked at, so that a certificate that did not come
  /// from the untrusted ones is an anchor by then.
  private static let overlookFormOfAnchor: @convention(c) (Int32, OpaquePointer?) -> Int32 = { accepted, context in
    guard accepted == 0, X509_STORE_CTX_get_error_depth(context) >= X509_STORE_CTX_get_num_untrusted(context) else {
      return accepted
    }
    switch X509_STORE_CTX_get_error(context) {
    case X509_V_ERR_CA_BCONS_NOT_CRITICAL, X509_V_ERR_CA_CERT_MISSING_KEY_USAGE,
      X509_V_ERR_MISSING_SUBJECT_KEY_IDENTIFIER, X509_V_ERR_MISSING_AUTHORITY_KEY_IDENTIFIER,
      X509_V_ERR_AUTHORITY_KEY_IDENTIFIER_CRITICAL, X509_V_ERR_SUBJECT_KEY_IDENTIFIER_CRITICAL:
      return 1
    default: return 0
    }
  }
}
