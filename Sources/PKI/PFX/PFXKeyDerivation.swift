import COpenSSL

/// Turns one form of a password into a key, with counts that were bounded before.
struct PFXKeyDerivation {
  let form: PFXPassword.Form

  /// Which of RFC 7292 B.3's three purposes a key serves.
  enum Purpose: Int32 {
    case encryption = 1
    case initialVector = 2
    case integrity = 3
  }

  /// Key and initial vector for a cipher; nil where OpenSSL does not offer the digest.
  func keyAndIV(_ derivation: PFXDerivation, _ cipher: PFXCipher, iv: [UInt8]?) -> (SecretBytes, SecretBytes)? {
    switch derivation {
    case .pkcs12(let digest, let salt, let count):
      guard let key = pkcs12(.encryption, digest, salt, count, length: cipher.keyLength) else { return nil }
      guard cipher.ivLength > 0 else { return (key, SecretBytes([])) }
      guard let iv = pkcs12(.initialVector, digest, salt, count, length: cipher.ivLength) else { return nil }
      return (key, iv)
    case .pbkdf1(let digest, let salt, let count):
      guard let both = pbkdf1(digest, salt, count), both.count >= cipher.keyLength + cipher.ivLength else { return nil }
      let split = cipher.keyLength
      return (both.copy(of: 0..<split), both.copy(of: split..<(split + cipher.ivLength)))
    case .pbkdf2(let digest, let salt, let count):
      guard let iv, let key = pbkdf2(digest, salt, count, length: cipher.keyLength) else { return nil }
      return (key, SecretBytes(iv))
    case .scrypt(let salt, let n, let r, let p):
      guard let iv, let key = scrypt(salt, n, r, p, length: cipher.keyLength) else { return nil }
      return (key, SecretBytes(iv))
    }
  }

  /// RFC 7292 B.2.
  func pkcs12(_ purpose: Purpose, _ digest: String, _ salt: [UInt8], _ count: Int, length: Int) -> SecretBytes? {
    withDigest(digest) { method in
      result(length) { target in
        form.wide.withBytes { password in
          // The password argument is not const in C, though it is only read.
          let bytes = UnsafeMutablePointer(mutating: password.bindMemory(to: UInt8.self).baseAddress)
          var salt = salt
          return PKCS12_key_gen_uni(
            bytes, Int32(password.count), &salt, Int32(salt.count), purpose.rawValue, Int32(clamping: count),
            Int32(length), target, method) == 1
        }
      }
    }
  }

  private func pbkdf2(_ digest: String, _ salt: [UInt8], _ count: Int, length: Int) -> SecretBytes? {
    withDigest(digest) { method in
      result(length) { target in
        form.plain.withBytes { password in
          let text = password.bindMemory(to: CChar.self)
          // A NULL password would mean length 0 all the same, but only with a length that says so.
          return PKCS5_PBKDF2_HMAC(
            text.baseAddress, Int32(text.count), salt, Int32(salt.count), Int32(clamping: count), method, Int32(length),
            target) == 1
        }
      }
    }
  }

  private func scrypt(_ salt: [UInt8], _ n: Int, _ r: Int, _ p: Int, length: Int) -> SecretBytes? {
    result(length) { target in
      form.plain.withBytes { password in
        let text = password.bindMemory(to: CChar.self)
        return EVP_PBE_scrypt(
          text.baseAddress, text.count, salt, salt.count, UInt64(n), UInt64(r), UInt64(p),
          UInt64(PFXLimits.maximumScryptBytes + (1 << 20)), target, length) == 1
      }
    }
  }

  /// RFC 8018 5.1: T1 = Hash(P || S), Ti = Hash(Ti-1).
  private func pbkdf1(_ digest: String, _ salt: [UInt8], _ count: Int) -> SecretBytes? {
    withDigest(digest) { method in
      let size = Int(EVP_MD_get_size(method))
      guard size > 0 else { return nil }
      let plain = form.plain
      let first = SecretBytes(count: plain.count + salt.count) { target in
        plain.withBytes { UnsafeMutableRawBufferPointer(rebasing: target[..<$0.count]).copyMemory(from: $0) }
        UnsafeMutableRawBufferPointer(rebasing: target[plain.count...]).copyBytes(from: salt)
      }
      return result(size) { target in
        let isStarted = first.withBytes { EVP_Digest($0.baseAddress, $0.count, target, nil, method, nil) == 1 }
        guard isStarted else { return false }
        for _ in 1..<max(1, count) {
          guard EVP_Digest(target, size, target, nil, method, nil) == 1 else { return false }
        }
        return true
      }
    }
  }

  private func withDigest(_ name: String, _ body: (OpaquePointer) -> SecretBytes?) -> SecretBytes? {
    guard let method = EVP_MD_fetch(nil, name, nil) else { return nil }
    defer { EVP_MD_free(method) }
    return body(method)
  }

  private func result(_ length: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Bool) -> SecretBytes? {
    var isDone = false
    let bytes = SecretBytes(count: length) { target in
      guard let start = target.bindMemory(to: UInt8.self).baseAddress else { return }
      isDone = body(start)
    }
    return isDone ? bytes : nil
  }
}
