import COpenSSL

// Sendable holds: both pointers are written once, in the initialiser; OSSL_LIB_CTX locks what it keeps itself.
/// An OpenSSL library context that knows the ciphers of old files, apart from the one that everything else runs in.
///
/// Only decryption of an upload goes through it, so that RC2, RC4 and single DES exist nowhere else in the process.
final class ImportContext: @unchecked Sendable {
  private let context: OpaquePointer
  private let providers: [OpaquePointer]
  /// Whether OpenSSL's module for old ciphers could be loaded.
  let hasLegacy: Bool

  /// Loads the default provider and, where it is asked for and installed, the legacy one.
  init(legacy: Bool) throws {
    context = try OpenSSLErrors.require("OUT_OF_MEMORY", "There is no memory left to open the file.") {
      OSSL_LIB_CTX_new()
    }
    OpenSSLErrors.clear()
    let base = OSSL_PROVIDER_load(context, "default")
    let old = legacy ? OSSL_PROVIDER_load(context, "legacy") : nil
    OpenSSLErrors.clear()
    providers = [base, old].compactMap { $0 }
    hasLegacy = old != nil
  }

  deinit {
    for provider in providers { OSSL_PROVIDER_unload(provider) }
    OSSL_LIB_CTX_free(context)
  }

  /// Lends the context for the length of one call.
  func withUnsafePointer<Value>(_ body: (OpaquePointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(context) }
  }
}
