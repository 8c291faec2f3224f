import Foundation
import GRDB
import PKI

/// The key under which the store hashes recovery codes and marks known browsers. It is random, made once, and rests sealed,
/// so that a new master key changes nothing about either.
extension Store {
  private static let signInKeyName = "sign_in_key"

  func signInKey() async throws -> SecretBytes {
    if let known = signInKeys.withLock({ $0 }) { return known }
    let key = try await writeAside { try self.signInKey($0) }
    signInKeys.withLock { $0 = key }
    return key
  }

  private func signInKey(_ database: GRDB.Database) throws -> SecretBytes {
    let name = Self.signInKeyName
    let found = try Data.fetchOne(
      database, sql: "SELECT sealed_value FROM settings WHERE key = ?", arguments: [name])
    if let found { return try seals.open(Array(found), "settings", "sealed_value", name) }
    let key = SecretBytes(try SecureRandom.bytes(32))
    let sealed = try seals.seal(key, "settings", "sealed_value", name)
    try database.execute(
      sql: "INSERT INTO settings (key, sealed_value) VALUES (?, ?)", arguments: [name, Data(sealed)])
    return key
  }

  // MARK: Known browsers

  /// For so long a browser is known after signing in, in seconds: half a year.
  public static let browserMarkLifetime: TimeInterval = 180 * 86_400

  /// A mark for a browser in which a name has signed in, to be kept in its cookie: when, a random number, and a keyed hash
  /// of both and the name. It lets nobody in; it only sets the browser apart from strangers when attempts are counted (OWASP,
  /// "device cookies").
  public func markBrowser(of name: String) async throws -> String {
    let key = try await signInKey()
    let moment = String(Int(clock().timeIntervalSince1970))
    let number = Base32.text(try SecureRandom.bytes(15)).lowercased()
    return [moment, number, Self.markCode(moment, number, name, key)].joined(separator: ".")
  }

  /// The number of a marked browser; nil where the mark was not made here, for this name, within ``browserMarkLifetime``.
  public func markedBrowser(_ mark: String, of name: String) async throws -> String? {
    let parts = mark.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let seconds = TimeInterval(parts[0]) else { return nil }
    let expected = Self.markCode(parts[0], parts[1], name, try await signInKey())
    guard MessageAuthentication.areEqual(Array(expected.utf8), Array(parts[2].utf8)) else { return nil }
    let age = clock().timeIntervalSince1970 - seconds
    return age < Self.browserMarkLifetime ? parts[1] : nil
  }

  private static func markCode(_ moment: String, _ number: String, _ name: String, _ key: SecretBytes) -> String {
    let message = ["known browser", moment, number, SignInName.folded(name)].joined(separator: "\0")
    return Base32.text(MessageAuthentication.hmacSHA256(Array(message.utf8), key: key)).lowercased()
  }
}
