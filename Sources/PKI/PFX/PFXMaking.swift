import COpenSSL

extension PFX {
  /// Iterations of each derivation in a file that is made here.
  public static let makingIterations: Int32 = 200_000

  /// Writes a certificate, its key and the rest of its chain as a PFX file: AES-256-CBC under PBKDF2 with SHA-256, and a
  /// SHA-256 MAC. Blocking, about a third of a second with as many iterations as are usual here.
  ///
  /// The password must not hold a NUL, nor be empty. Throws `PFX_NOT_MADE`.
  ///
  /// - Parameter iterations: of each derivation.
  public static func make(
    identity: Identity, friendlyName: String, password: SecretBytes, iterations: Int32 = makingIterations
  ) throws -> [UInt8] {
    guard let leaf = identity.leaf, identity.key.matches(leaf) else {
      throw PKIError(
        code: "PFX_NOT_MADE", sentence: "The key does not belong to the certificate, so no PFX file was made.")
    }
    let text = try ended(password)
    let pfx = try unauthenticated(
      identity, leaf, friendlyName: friendlyName, password: text, iterations: iterations)
    defer { PKCS12_free(pfx) }
    return try authenticated(pfx, password: text, iterations: iterations)
  }

  /// The password with a NUL at its end, as OpenSSL wants it.
  static func ended(_ password: SecretBytes) throws -> SecretBytes {
    guard !password.isEmpty, !password.withBytes({ $0.contains(0) }) else {
      throw PKIError(
        code: "PFX_NOT_MADE", sentence: "Give a password without NUL characters; without one the key would lie open.")
    }
    return SecretBytes(count: password.count + 1) { target in password.withBytes { target.copyMemory(from: $0) } }
  }

  /// Adds the MAC and writes the file. The password ends with a NUL.
  static func authenticated(_ pfx: OpaquePointer, password text: SecretBytes, iterations: Int32) throws -> [UInt8] {
    var salt = try SecureRandom.bytes(16)
    let isMade = text.withBytes { text in
      OpenSSLErrors.guarded {
        PKCS12_set_mac(
          pfx, text.bindMemory(to: CChar.self).baseAddress, Int32(text.count - 1), &salt, Int32(salt.count), iterations,
          EVP_sha256()) == 1
      }
    }
    guard isMade else { throw PKIError(code: "PFX_NOT_MADE", sentence: "The PFX file's MAC could not be made.") }
    var der: UnsafeMutablePointer<UInt8>?
    defer { reroot_free(der) }
    let count = try OpenSSLErrors.require("PFX_NOT_MADE", "The PFX file could not be written.") {
      let count = i2d_PKCS12(pfx, &der)
      return count > 0 ? Int(count) : nil
    }
    return Array(UnsafeBufferPointer(start: der, count: count))
  }

  private static func unauthenticated(
    _ identity: Identity, _ leaf: Certificate, friendlyName: String, password: SecretBytes, iterations: Int32
  ) throws -> OpaquePointer {
    let stack = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for a PFX file.") {
      reroot_certificates_new()
    }
    defer { reroot_certificates_free(stack) }
    for certificate in identity.chain.dropFirst() {
      guard certificate.withUnsafePointer({ reroot_certificates_push(stack, $0) }) == 1 else {
        throw PKIError(code: "OUT_OF_MEMORY", sentence: "There is no memory left for a PFX file.")
      }
    }
    let name = VisibleText.of(friendlyName, limit: 256)
    return try OpenSSLErrors.require("PFX_NOT_MADE", "The PFX file could not be made.") {
      password.withBytes { password in
        identity.key.withUnsafePointer { key in
          leaf.withUnsafePointer { leaf in
            // With -1 rounds PKCS12_create(3) makes no MAC: it is set afterwards, with a longer salt than that would take.
            PKCS12_create(
              password.bindMemory(to: CChar.self).baseAddress, name, key, leaf, stack, NID_aes_256_cbc, NID_aes_256_cbc,
              iterations, -1, 0)
          }
        }
      }
    }
  }
}
