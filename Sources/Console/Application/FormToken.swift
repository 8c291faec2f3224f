import PKI

/// The token against forms that another site makes a browser send.
///
/// It is derived from a cookie that no other site can read or set: the session's, or, on the pages before signing in, one
/// of its own. So nothing more is stored, and a token is worth nothing in another session.
enum FormToken {
  /// The hidden field of every form.
  static let field = "csrf"

  static func derived(from secret: String) -> String {
    Digest.sha256Hex(Array("reroot form token\0\(secret)".utf8))
  }

  static func matches(_ given: String?, _ expected: String) -> Bool {
    guard let given, given.utf8.count == expected.utf8.count else { return false }
    return SecretBytes(utf8: given) == SecretBytes(utf8: expected)
  }
}
