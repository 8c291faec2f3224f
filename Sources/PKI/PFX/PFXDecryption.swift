import COpenSSL

/// Opens what a password-based encryption closed. Blocking: derivations take up to a third of a second each.
struct PFXDecryption {
  private let context: ImportContext

  /// Loads what these encryptions need.
  init(for encryptions: [PFXEncryption]) throws(PFXRefusal) {
    do {
      context = try ImportContext(legacy: encryptions.contains(where: \.needsLegacy))
    } catch {
      throw Self.unsupported("a cipher")
    }
  }

  /// The plain bytes by the first form that opens them to something with the shape of a SEQUENCE.
  func open(
    _ data: SecretBytes, _ encryption: PFXEncryption, trying forms: [PFXPassword.Form]
  ) throws(PFXRefusal) -> SecretBytes? {
    for form in forms {
      // A wrong key passes the padding check once in 256 times.
      if let plain = try open(data, encryption, form), plain.byte(at: 0) == DERTag.sequence { return plain }
    }
    return nil
  }

  /// The plain bytes, or nil when the password form does not open them.
  ///
  /// Throws `UNSUPPORTED_CIPHER` where OpenSSL does not offer the cipher here.
  func open(_ data: SecretBytes, _ encryption: PFXEncryption, _ form: PFXPassword.Form) throws(PFXRefusal)
    -> SecretBytes?
  {
    guard case .known(let derivation, let cipher, let givenIV) = encryption else {
      throw Self.unsupported(encryption.label)
    }
    OpenSSLErrors.clear()
    defer { OpenSSLErrors.clear() }
    guard let method = context.withUnsafePointer({ EVP_CIPHER_fetch($0, cipher.name, nil) }) else {
      throw Self.unsupported(cipher.name)
    }
    defer { EVP_CIPHER_free(method) }
    let derive = PFXKeyDerivation(form: form)
    guard let (key, iv) = derive.keyAndIV(derivation, cipher, iv: givenIV) else {
      throw Self.unsupported(encryption.label)
    }
    return Self.decrypt(data, method, key: key, iv: iv)
  }

  private static func decrypt(_ data: SecretBytes, _ method: OpaquePointer, key: SecretBytes, iv: SecretBytes)
    -> SecretBytes?
  {
    guard let state = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(state) }
    // EVP_DecryptUpdate(3) may write a block more than it was given.
    let room = data.count + Int(EVP_MAX_BLOCK_LENGTH)
    var total = 0
    var isOpen = false
    let plain = SecretBytes(count: room) { target in
      isOpen = key.withBytes { key in
        iv.withBytes { iv in
          data.withBytes { data in
            guard let output = target.bindMemory(to: UInt8.self).baseAddress else { return false }
            let bytes = data.bindMemory(to: UInt8.self).baseAddress
            let keyBytes = key.bindMemory(to: UInt8.self).baseAddress
            let ivBytes = iv.isEmpty ? nil : iv.bindMemory(to: UInt8.self).baseAddress
            guard EVP_DecryptInit_ex2(state, method, nil, nil, nil) == 1,
              EVP_CIPHER_CTX_set_key_length(state, Int32(key.count)) == 1,
              EVP_DecryptInit_ex2(state, nil, keyBytes, ivBytes, nil) == 1
            else { return false }
            var count: Int32 = 0
            guard EVP_DecryptUpdate(state, output, &count, bytes, Int32(data.count)) == 1 else { return false }
            total = Int(count)
            guard EVP_DecryptFinal_ex(state, output + total, &count) == 1 else { return false }
            total += Int(count)
            return true
          }
        }
      }
    }
    return isOpen && total > 0 ? plain.copy(of: 0..<total) : nil
  }

  static func unsupported(_ name: String) -> PFXRefusal {
    PFXRefusal(
      .unsupportedCipher,
      "The file is encrypted with \(name), which cannot be opened here. Export it again with AES-256 (on Windows: "
        + "“AES256-SHA256”; `openssl pkcs12 -export` does so by itself).")
  }
}
