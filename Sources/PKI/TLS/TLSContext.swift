import COpenSSL

/// How a client knows the server that it talks to. There is no way not to look.
public enum ServerTrust: Sendable, Hashable {
  /// Its chain leads to a certificate that this system trusts, and carries its name.
  case system
  /// Its chain leads to one of these, and carries its name.
  case certificates([Certificate])
  /// It is exactly this certificate, for whatever name.
  case fingerprint(Fingerprint)
}

// Sendable holds: the SSL_CTX is configured in the initialisers and only read afterwards; connections made from it by
// several threads share it under OpenSSL's own locks (openssl-threads(7)).
/// What connections are made with: who one is, and whom one trusts. TLS 1.2 and later.
public final class TLSContext: @unchecked Sendable {
  private let context: OpaquePointer
  /// Whether a client made from it verifies the server.
  let verifiesServers: Bool
  /// Whether a server made from it asks for the client's certificate.
  let asksClients: Bool
  /// The only certificate that a client made from it takes, where it is known in advance.
  let pin: Fingerprint?

  /// For a program that shows a certificate, as a server or as a client, and verifies who it talks to.
  ///
  /// - Parameters:
  ///   - identity: the chain that is shown, and its key.
  ///   - trusted: the root certificates that a peer's chain must lead to.
  ///   - requireClientCertificate: whether a server made from it asks for the client's certificate and refuses a
  ///     connection without a good one.
  /// - Throws: `TLS_IDENTITY_UNUSABLE` when chain and key cannot be used together.
  public init(identity: Identity, trusted: [Certificate], requireClientCertificate: Bool) throws {
    let context = try Self.make()
    do {
      try Self.use(identity, in: context)
      try Self.trust(trusted, in: context, announce: requireClientCertificate)
    } catch {
      SSL_CTX_free(context)
      throw error
    }
    let mode =
      requireClientCertificate ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
    SSL_CTX_set_verify(context, mode, nil)
    self.context = context
    verifiesServers = true
    asksClients = requireClientCertificate
    pin = nil
  }

  /// For a client without a certificate of its own that verifies who it talks to.
  ///
  /// - Throws: `OUT_OF_MEMORY`, `TLS_UNUSABLE` where the system's certificates cannot be read.
  public init(trusting trust: ServerTrust) throws {
    let context = try Self.make()
    do {
      try OpenSSLErrors.require("TLS_UNUSABLE", "The certificates that this system trusts cannot be read.") {
        () -> Void? in
        reroot_context_require_tls12(context) == 1
          && (trust != .system || SSL_CTX_set_default_verify_paths(context) == 1) ? () : nil
      }
      if case .certificates(let roots) = trust { try Self.trust(roots, in: context, announce: false) }
    } catch {
      SSL_CTX_free(context)
      throw error
    }
    if case .fingerprint(let fingerprint) = trust { pin = fingerprint } else { pin = nil }
    // A pinned certificate is compared by `TLSConnection.connect`, before anything is sent.
    SSL_CTX_set_verify(context, pin == nil ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
    self.context = context
    verifiesServers = pin == nil
    asksClients = false
  }

  /// For all who only look: takes whatever certificate is served, of any strength, in TLS 1.0 or later. Made once, since a look
  /// takes a fraction of the time that it takes to make one, and there is nothing in it that one look could leave for another.
  static var looking: TLSContext { get throws { try madeForLooking.get() } }

  private static let madeForLooking = Result { try TLSContext() }

  private init() throws {
    let context = try Self.make()
    // An old device must be seen too, to be told from one that is silent. Nothing is ever sent over such a connection.
    SSL_CTX_set_security_level(context, 0)
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    self.context = context
    verifiesServers = false
    asksClients = false
    pin = nil
  }

  /// For one who looks what becomes of a client certificate: shows it to whoever asks, and takes whatever is served.
  init(offering identity: Identity) throws {
    let context = try Self.make()
    do {
      try Self.use(identity, in: context)
    } catch {
      SSL_CTX_free(context)
      throw error
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
    self.context = context
    verifiesServers = false
    asksClients = false
    pin = nil
  }

  deinit { SSL_CTX_free(context) }

  /// Lends OpenSSL's context for the length of one call.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(context) }
  }

  private static func make() throws -> OpaquePointer {
    let context = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for a TLS connection.") {
      SSL_CTX_new(TLS_method())
    }
    // What is shown is the identity's chain and not what OpenSSL would add to it from the trusted certificates, so that
    // an incomplete chain is seen to be one (SSL_CTX_set_mode(3), which is a macro).
    SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(SSL_MODE_NO_AUTO_CHAIN), nil)
    // Each connection shows what is served now; a resumed session would show nothing.
    reroot_context_disable_sessions(context)
    return context
  }

  private static func use(_ identity: Identity, in context: OpaquePointer) throws {
    let sentence = "The certificate and its key cannot be used for TLS together."
    guard let leaf = identity.leaf else { throw PKIError(code: "TLS_IDENTITY_UNUSABLE", sentence: sentence) }
    try OpenSSLErrors.require("TLS_IDENTITY_UNUSABLE", sentence) { () -> Void? in
      guard reroot_context_require_tls12(context) == 1,
        leaf.withUnsafePointer({ SSL_CTX_use_certificate(context, $0) }) == 1,
        identity.key.withUnsafePointer({ SSL_CTX_use_PrivateKey(context, $0) }) == 1
      else { return nil }
      for certificate in identity.chain.dropFirst() {
        guard certificate.withUnsafePointer({ reroot_context_append_chain(context, $0) }) == 1 else { return nil }
      }
      return SSL_CTX_check_private_key(context) == 1 ? () : nil
    }
  }

  private static func trust(_ roots: [Certificate], in context: OpaquePointer, announce: Bool) throws {
    try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for the trusted certificates.") { () -> Void? in
      guard let store = SSL_CTX_get_cert_store(context) else { return nil }
      for root in roots {
        guard root.withUnsafePointer({ X509_STORE_add_cert(store, $0) }) == 1 else { return nil }
        // The authorities that a server names when it asks for a certificate (RFC 8446, section 4.2.4).
        guard !announce || root.withUnsafePointer({ reroot_context_append_client_authority(context, $0) }) == 1 else {
          return nil
        }
      }
      return ()
    }
  }
}
