import COpenSSL

/// The OpenSSL that this process runs with, which need not be the one that it was compiled against.
public enum OpenSSLVersion {
  /// Such as `OpenSSL 3.0.19 27 Jan 2026`.
  public static var text: String {
    guard let text = OpenSSL_version(OPENSSL_VERSION) else { return "OpenSSL" }
    return String(cString: text)
  }

  /// Throws `OPENSSL_TOO_OLD` unless the library is at least this version.
  public static func require(_ major: Int, _ minor: Int, _ patch: Int) throws {
    let here = (Int(OPENSSL_version_major()), Int(OPENSSL_version_minor()), Int(OPENSSL_version_patch()))
    guard here >= (major, minor, patch) else {
      throw PKIError(
        code: "OPENSSL_TOO_OLD",
        sentence: "This machine has \(text); Reroot needs OpenSSL \(major).\(minor).\(patch) or later. "
          + "Update the package libssl3 and start again.")
    }
  }
}
