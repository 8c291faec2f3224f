import COpenSSL

/// What a component uses its certificate for.
public enum CertificateUsage: String, Sendable, Hashable, Codable, CaseIterable {
  /// It answers TLS connections.
  case server
  /// It makes TLS connections and shows the certificate.
  case client
  /// Both of these.
  case both

  /// The purposes that a chain has to stand up to.
  public var purposes: [Chain.Purpose] {
    switch self {
    case .server: [.server]
    case .client: [.client]
    case .both: [.server, .client]
    }
  }
}

extension Chain.Purpose {
  /// The extended key usage (RFC 5280 4.2.1.12).
  var extendedKeyUsage: Int32 { self == .server ? NID_server_auth : NID_client_auth }
}
