import Foundation

/// What a backup says of itself, once its passphrase has opened it.
public struct BackupManifest: Sendable, Hashable, Codable {
  /// The version of the program that made it.
  public var program: String
  /// The migrations that its database has had, in their order.
  public var schema: [String]
  /// When it was made.
  public var madeAt: Date
  /// The name of the machine that it was made on.
  public var host: String
  /// The bytes of its database.
  public var databaseBytes: Int
  /// How many secrets its database holds, each of which was opened when it was made.
  public var secrets: Int
  /// The update that was under way; nil for none.
  public var unfinishedUpdate: Int64?

  /// Longer ones are not made; more is not read.
  static let maximumBytes = 1 << 16

  /// Its length in four bytes, most significant first, and itself as JSON.
  func encoded() throws -> [UInt8] {
    let text = Array(try JSON.text(self).utf8)
    return (0..<4).map { UInt8(truncatingIfNeeded: text.count >> (24 - 8 * $0)) } + text
  }
}
