import Foundation
import GRDB
import PKI
import Rotation

/// The answer to a request that must not be done twice, as it was first given.
public struct KeptAnswer: Sendable, Hashable {
  /// The status.
  public let status: Int
  /// The header fields, each a name and a value.
  public let headers: [[String]]
  /// The body.
  public let body: Data

  /// Describes an answer.
  public init(status: Int, headers: [[String]], body: Data) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}

/// What is known of a request that carries a key of its client's.
public enum RepeatedRequest: Sendable, Hashable {
  /// It is new, and counts as begun from now on.
  case new
  /// It was answered so.
  case answered(KeptAnswer)
  /// It was begun, and nobody knows how it ended: it is being carried out, or the program was ended meanwhile.
  case begun
  /// The key was sent with another request.
  case other
}

extension Store {
  /// For how long a key is remembered, in seconds.
  public static let requestKeyLifetime: TimeInterval = 24 * 3600

  /// Notes on disk that a request with a key begins, unless it has begun before.
  ///
  /// - Parameters:
  ///   - key: the client's, of the token that it came with.
  ///   - content: what tells requests apart; only a keyed hash of it is kept, as it may hold a password.
  public func beginRequest(key: String, of token: TokenRecord.ID, content: [UInt8]) async throws -> RepeatedRequest {
    let now = clock()
    let hash = Hexadecimal.text(MessageAuthentication.hmacSHA256(content, key: try await signInKey()))
    return try await writeAside { database in
      try database.execute(
        sql: "DELETE FROM request_keys WHERE begun_at < ? OR begun_at > ?",
        arguments: [
          now.addingTimeInterval(-Self.requestKeyLifetime).milliseconds,
          now.addingTimeInterval(Self.requestKeyLifetime).milliseconds,
        ])
      let known = try Row.fetchOne(
        database, sql: "SELECT * FROM request_keys WHERE token = ? AND key = ?", arguments: [token.rawValue, key])
      guard let known else {
        try database.execute(
          sql: "INSERT INTO request_keys (token, key, content, begun_at) VALUES (?, ?, ?, ?)",
          arguments: [token.rawValue, key, hash, now.milliseconds])
        return .new
      }
      guard known["content"] == hash else { return .other }
      guard let status: Int = known["status"] else { return .begun }
      return .answered(
        KeptAnswer(status: status, headers: try JSON.value(known["headers"]), body: known["body"] ?? Data()))
    }
  }

  /// Keeps the answer to a request that was begun.
  public func keepAnswer(_ answer: KeptAnswer, key: String, of token: TokenRecord.ID) async throws {
    try await writeAside { database in
      try database.execute(
        sql: "UPDATE request_keys SET status = ?, headers = ?, body = ? WHERE token = ? AND key = ?",
        arguments: [answer.status, try JSON.text(answer.headers), answer.body, token.rawValue, key])
    }
  }

  /// Forgets a request that did nothing, so that it may be sent again.
  public func forgetRequest(key: String, of token: TokenRecord.ID) async throws {
    try await writeAside { database in
      try database.execute(
        sql: "DELETE FROM request_keys WHERE token = ? AND key = ?", arguments: [token.rawValue, key])
    }
  }
}
