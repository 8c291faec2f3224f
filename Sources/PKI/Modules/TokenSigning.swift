import COpenSSL
import Foundation

/// How the key of a root in a hardware module signs: what the token is given, and what is made of its answer. The public half
/// is known from the certificate; nothing here needs the private one.
struct TokenSigning {
  let mechanism: TokenMechanism
  /// The signature algorithm by its number in OpenSSL.
  let algorithm: Int32
  private let digest: Digest

  private enum Digest: Int32, CaseIterable { case sha256 = 32, sha384 = 48, sha512 = 64 }

  /// Throws `TOKEN_KEY_UNSUITED` for a key that tokens do not sign with here.
  init(root: Certificate) throws {
    let (type, bits) = root.withUnsafePointer { certificate -> (Int32, Int32) in
      guard let key = X509_get0_pubkey(certificate) else { return (NID_undef, 0) }
      return (EVP_PKEY_get_base_id(key), EVP_PKEY_get_bits(key))
    }
    switch type {
    case EVP_PKEY_RSA: (mechanism, digest, algorithm) = (.rsa, .sha256, NID_sha256WithRSAEncryption)
    // RFC 5480 section 4: a digest about as long as the curve's order.
    case EVP_PKEY_EC where bits <= 256: (mechanism, digest, algorithm) = (.ecdsa, .sha256, NID_ecdsa_with_SHA256)
    case EVP_PKEY_EC where bits <= 384: (mechanism, digest, algorithm) = (.ecdsa, .sha384, NID_ecdsa_with_SHA384)
    case EVP_PKEY_EC: (mechanism, digest, algorithm) = (.ecdsa, .sha512, NID_ecdsa_with_SHA512)
    default:
      throw PKIError(
        code: "TOKEN_KEY_UNSUITED",
        sentence: "The certificate's key is of the type \(root.keyDescription). In a hardware module it can be RSA or "
          + "ECDSA.")
    }
  }

  /// Whether the certificate's own signature has no part in this: only its key has.
  var takesNull: Bool { mechanism == .rsa }

  /// What the token signs for a message.
  func data(for message: [UInt8]) throws -> Data {
    let hash = try OpenSSLErrors.require("DIGEST_FAILED", "The certificate could not be hashed; nothing was signed.") {
      () -> [UInt8]? in
      var hash = [UInt8](repeating: 0, count: Int(digest.rawValue))
      var count: UInt32 = 0
      let kind = digest == .sha256 ? EVP_sha256() : digest == .sha384 ? EVP_sha384() : EVP_sha512()
      return EVP_Digest(message, message.count, &hash, &count, kind, nil) == 1 ? hash : nil
    }
    // RFC 8017 9.2, note 1: the DER of a DigestInfo for SHA-256 up to the digest itself.
    let prefix: [UInt8] = [
      0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
    ]
    return Data(mechanism == .rsa ? prefix + hash : hash)
  }

  /// The signature as certificates hold it. Throws `TOKEN_SIGNATURE_INVALID`.
  func signature(from answer: Data) throws -> [UInt8] {
    let bytes = Array(answer)
    guard mechanism == .ecdsa else { return bytes }
    // RFC 3279 2.2.3: a sequence of r and s.
    return try OpenSSLErrors.require(
      "TOKEN_SIGNATURE_INVALID", "The hardware module gave a signature that cannot be read; nothing was issued."
    ) { () -> [UInt8]? in
      let half = bytes.count / 2
      guard half > 0, bytes.count % 2 == 0, let pair = ECDSA_SIG_new() else { return nil }
      defer { ECDSA_SIG_free(pair) }
      let r = BN_bin2bn(bytes, Int32(half), nil)
      let s = BN_bin2bn(Array(bytes[half...]), Int32(half), nil)
      // ECDSA_SIG_set0(3) takes both over.
      guard ECDSA_SIG_set0(pair, r, s) == 1 else {
        BN_free(r)
        BN_free(s)
        return nil
      }
      var der: UnsafeMutablePointer<UInt8>?
      let count = i2d_ECDSA_SIG(pair, &der)
      defer { reroot_free(der) }
      return count > 0 ? Array(UnsafeBufferPointer(start: der, count: Int(count))) : nil
    }
  }

  /// Whether a signature over a message was made with the certificate's key.
  func verifies(_ signature: [UInt8], of message: [UInt8], by root: Certificate) -> Bool {
    root.withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        guard let key = X509_get0_pubkey(certificate), let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        let kind = digest == .sha256 ? EVP_sha256() : digest == .sha384 ? EVP_sha384() : EVP_sha512()
        return EVP_DigestVerifyInit(context, nil, kind, nil, key) == 1
          && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
      }
    }
  }
}

/// The key of a root that stays in a hardware module.
public struct TokenKey: Sendable {
  private let signing: TokenSigning
  private let root: Certificate
  private let order: @Sendable (TokenMechanism, Data) throws -> Data

  /// Describes the key.
  ///
  /// - Parameters:
  ///   - root: the certificate that it belongs to.
  ///   - order: lets the module sign. Blocking.
  /// - Throws: `TOKEN_KEY_UNSUITED`.
  public init(root: Certificate, order: @escaping @Sendable (TokenMechanism, Data) throws -> Data) throws {
    signing = try TokenSigning(root: root)
    self.root = root
    self.order = order
  }

  /// Lets the module sign something that is of no use to anybody, and looks whether the certificate's key did.
  ///
  /// Blocking. Throws `TOKEN_KEY_MISMATCH`, and what the module says.
  public func check() throws {
    let message = Array("Reroot looks whether the key belongs to its certificate: ".utf8) + (try SecureRandom.bytes(32))
    guard try signing.verifies(sign(message), of: message, by: root) else {
      throw PKIError(
        code: "TOKEN_KEY_MISMATCH",
        sentence: "The key in the hardware module is another one than that of the certificate "
          + "“\(VisibleText.of(root.subject, limit: 200))”. Give the certificate of this key, or the address of its key."
      )
    }
  }

  func sign(_ message: [UInt8]) throws -> [UInt8] {
    try signing.signature(from: order(signing.mechanism, signing.data(for: message)))
  }

  var algorithm: Int32 { signing.algorithm }
  var takesNull: Bool { signing.takesNull }
}
