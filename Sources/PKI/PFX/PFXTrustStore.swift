import COpenSSL

extension PFX {
  /// Iterations in the stores of a service, as many as Java's own `keytool` takes. The password lies in a file beside the
  /// store, so more of them would keep nobody out who has got so far, and cost the service time at its start.
  public static let storeIterations: Int32 = 10_000

  /// Writes certificates as a PKCS#12 trust store that Java reads: each a trusted entry under its name, AES-256-CBC under
  /// PBKDF2 with SHA-256, and a SHA-256 MAC. Blocking, some ten milliseconds.
  ///
  /// The names are told apart without regard to case, because Java does so; an entry without a name of its own is called
  /// `root-` and the first 16 digits of its fingerprint. Throws `PFX_NOT_MADE`.
  public static func makeTrustStore(_ entries: [PFXStore.TrustedEntry], password: SecretBytes) throws -> [UInt8] {
    let text = try ended(password)
    let bags = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left for a trust store.") {
      reroot_bags_new()
    }
    defer { reroot_bags_free(bags) }
    for (alias, certificate) in named(entries) {
      let name = Array(alias.utf8CString)
      let isAdded = certificate.withUnsafePointer { pointer in
        OpenSSLErrors.guarded { reroot_bags_append_trusted(bags, pointer, name, Int32(name.count - 1)) == 1 }
      }
      guard isAdded else {
        throw PKIError(
          code: "PFX_NOT_MADE",
          sentence: "The certificate “\(certificate.subject)” could not be put into a trust store.")
      }
    }
    let pfx = try OpenSSLErrors.require("PFX_NOT_MADE", "The trust store could not be made.") {
      text.withBytes {
        reroot_bags_encrypted(bags, $0.bindMemory(to: CChar.self).baseAddress, storeIterations)
      }
    }
    defer { PKCS12_free(pfx) }
    return try authenticated(pfx, password: text, iterations: storeIterations)
  }

  private static func named(_ entries: [PFXStore.TrustedEntry]) -> [(String, Certificate)] {
    var taken: Set<String> = []
    return entries.map { entry in
      let own = "root-" + entry.certificate.fingerprint.hex.prefix(16)
      let wanted = entry.alias.map { VisibleText.of($0, limit: 256) }.flatMap { $0.isEmpty ? nil : $0 } ?? own
      let further = (2...(entries.count + 2)).map { "\(own)-\($0)" }
      let name = ([wanted, own] + further).first { taken.insert($0.lowercased()).inserted }
      return (name ?? own, entry.certificate)
    }
  }
}
