import COpenSSL

extension Certificate {
  /// The subject alternative names in the order of the certificate: `DNS:…`, `IP:…`, `email:…`, `URI:…`; other kinds by
  /// their kind alone. Control characters are made visible.
  public var subjectAlternativeNames: [String] {
    withUnsafePointer { certificate in
      OpenSSLErrors.guarded {
        var present: Int32 = 0
        guard let names = reroot_alternative_names(certificate, &present) else { return [] }
        defer { reroot_alternative_names_free(names) }
        return (0..<max(0, reroot_alternative_name_count(names))).map { Self.alternativeName(names, $0) }
      }
    }
  }

  static func alternativeName(_ names: OpaquePointer, _ index: Int32) -> String {
    var bytes: UnsafePointer<UInt8>?
    var count = 0
    let type = reroot_alternative_name(names, index, &bytes, &count)
    let value = Array(UnsafeBufferPointer(start: bytes, count: count))
    switch type {
    case GEN_DNS: return "DNS:" + VisibleText.of(value)
    case GEN_EMAIL: return "email:" + VisibleText.of(value)
    case GEN_URI: return "URI:" + VisibleText.of(value)
    case GEN_IPADD: return "IP:" + (AlternativeName.addressText(value) ?? Hexadecimal.text(value))
    case GEN_DIRNAME: return "DirName"
    case GEN_RID: return "RID"
    default: return "otherName"
    }
  }
}
