import COpenSSL

/// Something that holds a public key for which a certificate can be issued.
protocol KeyHolder: Sendable {
  /// SHA-256 of the SubjectPublicKeyInfo.
  var publicKeyFingerprint: Fingerprint { get }
  /// Such as `ECDSA P-256` or `RSA 2048`.
  var keyDescription: String { get }
  /// Whether the certificate holds this public key.
  func matches(_ certificate: Certificate) -> Bool
  /// Lends OpenSSL's key for the length of one call. It must not be kept, nor changed.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value
}

extension PrivateKey: KeyHolder {}

// Sendable holds: request and key are never changed after the initialiser, and reading them from several threads is safe
// (openssl-threads(7)).
/// A signing request (PKCS#10, RFC 2986): what a component sends whose key stays with it. Nothing of it is believed before
/// ``CheckedRequest`` has checked it.
public final class SigningRequest: @unchecked Sendable, KeyHolder {
  private let request: OpaquePointer
  private let key: OpaquePointer
  let publicKeyFingerprint: Fingerprint
  /// Such as `ECDSA P-256` or `RSA 2048`.
  public let keyDescription: String

  /// The most bytes that are read: a request for an RSA key with a hundred long names has a third of that.
  public static let maximumBytes = 64 << 10

  /// Reads a request in DER; nothing may follow it. Throws `REQUEST_MALFORMED`.
  public init(der: [UInt8]) throws {
    guard der.count <= Self.maximumBytes else { throw Self.malformed() }
    OpenSSLErrors.clear()
    let read = der.withUnsafeBufferPointer { bytes -> OpaquePointer? in
      var position = bytes.baseAddress
      guard let request = d2i_X509_REQ(nil, &position, bytes.count) else { return nil }
      guard let position, let start = bytes.baseAddress, position - start == bytes.count else {
        X509_REQ_free(request)
        return nil
      }
      return request
    }
    guard let request = read else { throw Self.malformed(OpenSSLErrors.drain()) }
    // X509_REQ_get_pubkey(3) gives a reference of its own.
    guard let key = X509_REQ_get_pubkey(request) else {
      X509_REQ_free(request)
      throw Self.malformed(OpenSSLErrors.drain())
    }
    var bytes: UnsafeMutablePointer<UInt8>?
    defer { reroot_free(bytes) }
    let count = i2d_PUBKEY(key, &bytes)
    guard count > 0, KeySoundness.complaint(about: key) == nil else {
      EVP_PKEY_free(key)
      X509_REQ_free(request)
      throw Self.malformed(OpenSSLErrors.drain())
    }
    publicKeyFingerprint = Fingerprint(of: Array(UnsafeBufferPointer(start: bytes, count: Int(count))))
    keyDescription = KeyDescription.of(key)
    self.request = request
    self.key = key
    OpenSSLErrors.clear()
  }

  deinit {
    EVP_PKEY_free(key)
    X509_REQ_free(request)
  }

  func matches(_ certificate: Certificate) -> Bool {
    certificate.withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        guard let other = X509_get0_pubkey(certificate) else { return false }
        return EVP_PKEY_eq(other, key) == 1
      }
    }
  }

  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(key) }
  }

  /// Throws unless whoever made the request has the key, the key is of the kind that was asked for, and the names are
  /// exactly the ones that were asked for.
  func check(names: [AlternativeName], algorithm: KeyAlgorithm) throws {
    guard keyDescription == algorithm.label else {
      throw PKIError(
        code: "REQUEST_KEY",
        sentence: "The signing request holds a key of another kind (\(keyDescription)) than the component is to have "
          + "(\(algorithm.label)), so nothing was signed.")
    }
    // RFC 2986, section 3: the signature proves that the entity has the private key.
    guard OpenSSLErrors.guarded({ X509_REQ_verify(request, key) == 1 }) else {
      throw PKIError(
        code: "REQUEST_SIGNATURE",
        sentence: "The signing request's own signature is wrong: nothing shows that the component has the key, so "
          + "nothing was signed.")
    }
    let asked = self.names
    guard hasEmptySubject, asked.count == names.count, Set(asked) == Set(names.map(\.description)) else {
      let found = asked.isEmpty ? "no name" : asked.prefix(5).joined(separator: ", ")
      throw PKIError(
        code: "REQUEST_NAMES",
        sentence: "The signing request does not ask for exactly the component's names, but for "
          + "\(VisibleText.of(found, limit: 300)), so nothing was signed.")
    }
  }

  /// The names that it asks for, as ``Certificate/subjectAlternativeNames`` writes them.
  private var names: [String] {
    OpenSSLErrors.guarded {
      guard let names = reroot_request_names(request) else { return [] }
      defer { reroot_alternative_names_free(names) }
      return (0..<max(0, reroot_alternative_name_count(names))).map { Certificate.alternativeName(names, $0) }
    }
  }

  /// A subject would be a name too, beside those that are checked.
  private var hasEmptySubject: Bool { X509_NAME_entry_count(X509_REQ_get_subject_name(request)) == 0 }

  private static func malformed(_ detail: String = "") -> PKIError {
    PKIError(
      code: "REQUEST_MALFORMED",
      sentence: "What the target sent is no signing request (PKCS#10), or it is damaged, so nothing was signed.",
      detail: detail)
  }
}

extension SigningRequest {
  /// Makes a request for a key, in DER, with an empty subject. Throws `REQUEST_NOT_MADE`.
  public static func make(names: [AlternativeName], key: PrivateKey) throws -> [UInt8] {
    try OpenSSLErrors.require("REQUEST_NOT_MADE", "The signing request could not be made.") { () -> [UInt8]? in
      guard let request = X509_REQ_new() else { return nil }
      defer { X509_REQ_free(request) }
      guard let names = ExtensionWriter.generalNames(names) else { return nil }
      defer { reroot_alternative_names_free(names) }
      let isSigned = try? key.withUnsafePointer { key in
        // RFC 2986, section 4.1: version 1 is written as 0.
        guard X509_REQ_set_version(request, 0) == 1, X509_REQ_set_pubkey(request, key) == 1,
          reroot_request_set_names(request, names) == 1
        else { return false }
        return try SignatureDigest(forKey: key).sign(request: request, with: key) > 0
      }
      guard isSigned == true else { return nil }
      var bytes: UnsafeMutablePointer<UInt8>?
      let count = i2d_X509_REQ(request, &bytes)
      defer { reroot_free(bytes) }
      return count > 0 ? Array(UnsafeBufferPointer(start: bytes, count: Int(count))) : nil
    }
  }
}
