import COpenSSL

extension Certificate {
  /// The subject as RFC 4514 writes it, most specific part first. Control characters are made visible.
  public var subject: String { withUnsafePointer { Self.text(of: X509_get_subject_name($0)) } }

  /// The issuer, written like the subject.
  public var issuer: String { withUnsafePointer { Self.text(of: X509_get_issuer_name($0)) } }

  /// Whether both have the same subject as RFC 5280, section 7.1, compares names: without regard to case and spaces.
  public func hasSameSubject(as other: Certificate) -> Bool {
    withUnsafePointer { certificate in
      other.withUnsafePointer { other in
        OpenSSLErrors.guarded {
          X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_subject_name(other)) == 0
        }
      }
    }
  }

  /// Whether the subject is a name that OpenSSL lends.
  func hasSubject(_ name: OpaquePointer) -> Bool {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded { X509_NAME_cmp(X509_get_subject_name(certificate), name) == 0 }
    }
  }

  /// The subject's last common name, the most specific one; nil where it has none.
  public var commonName: String? {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        let name = X509_get_subject_name(certificate)
        var index: Int32 = -1
        var last: Int32 = -1
        while true {
          index = X509_NAME_get_index_by_NID(name, NID_commonName, index)
          if index < 0 { break }
          last = index
        }
        guard last >= 0, let entry = X509_NAME_get_entry(name, last) else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, X509_NAME_ENTRY_get_data(entry))
        defer { reroot_free(bytes) }
        guard count >= 0 else { return nil }
        return VisibleText.of(UnsafeBufferPointer(start: bytes, count: Int(count)))
      }
    }
  }

  /// The serial number in lower-case hexadecimal digits, two per byte, without leading zero bytes.
  public var serialNumber: String {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        guard let number = X509_get0_serialNumber(certificate) else { return "" }
        let count = Int(ASN1_STRING_length(number))
        let bytes = Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(number), count: count).drop { $0 == 0 })
        let sign = ASN1_STRING_type(number) == V_ASN1_NEG_INTEGER ? "-" : ""
        return sign + (bytes.isEmpty ? "00" : Hexadecimal.text(bytes))
      }
    }
  }

  /// SHA-256 of the SubjectPublicKeyInfo, equal to that of the key that belongs to it.
  public var publicKeyFingerprint: Fingerprint {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = max(0, i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes))
        defer { reroot_free(bytes) }
        return Fingerprint(of: Array(UnsafeBufferPointer(start: bytes, count: Int(count))))
      }
    }
  }

  /// Such as `ECDSA P-256` or `RSA 2048`; for a key that OpenSSL does not know, the name of its algorithm.
  public var keyDescription: String {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        if let key = X509_get0_pubkey(certificate) { return KeyDescription.of(key) }
        var object: OpaquePointer?
        X509_PUBKEY_get0_param(&object, nil, nil, nil, X509_get_X509_PUBKEY(certificate))
        return Self.text(ofObject: object)
      }
    }
  }

  /// Such as `ecdsa-with-SHA256` or `sha256WithRSAEncryption`; an algorithm without a name is given by its number.
  public var signatureAlgorithm: String {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        var algorithm: UnsafePointer<X509_ALGOR>?
        X509_get0_signature(nil, &algorithm, certificate)
        var object: OpaquePointer?
        X509_ALGOR_get0(&object, nil, nil, algorithm)
        return Self.text(ofObject: object)
      }
    }
  }

  /// Whether the basic constraints say that it is an authority (CA:TRUE).
  public var isAuthority: Bool { extensionFlags & UInt32(EXFLAG_CA) != 0 }

  /// Whether subject and issuer are the same name.
  public var isSelfIssued: Bool { extensionFlags & UInt32(EXFLAG_SI) != 0 }

  /// Whether the other certificate's key made this one's signature. Says nothing about names, dates or authority.
  public func isSigned(by issuer: Certificate) -> Bool {
    withUnsafePointer { certificate in
      issuer.withUnsafePointer { issuer in
        OpenSSLErrors.guarded {
          guard let key = X509_get0_pubkey(issuer) else { return false }
          return X509_verify(certificate, key) == 1
        }
      }
    }
  }

  /// OpenSSL's EXFLAG_… bits.
  var extensionFlags: UInt32 { withUnsafePointer { X509_get_extension_flags($0) } }

  static func text(ofObject object: OpaquePointer?) -> String {
    guard let object else { return "unknown" }
    let nid = OBJ_obj2nid(object)
    if nid != NID_undef, let name = OBJ_nid2ln(nid) { return String(cString: name) }
    var buffer = [CChar](repeating: 0, count: 128)
    guard OBJ_obj2txt(&buffer, Int32(buffer.count), object, 1) > 0 else { return "unknown" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private static func text(of name: OpaquePointer?) -> String {
    OpenSSLErrors.guarded {
      guard let name, let bio = BIO_new(BIO_s_mem()) else { return "" }
      defer { BIO_free(bio) }
      guard reroot_print_name(bio, name) >= 0 else { return "" }
      var count = 0
      let bytes = reroot_bio_bytes(bio, &count)
      return VisibleText.of(UnsafeBufferPointer(start: bytes, count: count))
    }
  }
}
