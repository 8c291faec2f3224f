import PKI
import Synchronization

/// Who was seen lately with which session, so that a page can be drawn where the store cannot be asked: in the answer to
/// a request that was refused before its body was read. It never decides whether a request may go on.
final class KnownVisitors: Sendable {
  private let entries = Mutex<[[UInt8]: Visitor]>([:])
  private let limit: Int

  init(limit: Int = 512) { self.limit = limit }

  func visitor(token: String) -> Visitor? {
    let key = Self.key(token)
    return entries.withLock { $0[key] }
  }

  func remember(_ visitor: Visitor, token: String) {
    let key = Self.key(token)
    entries.withLock { entries in
      if entries.count >= limit, entries[key] == nil { entries.removeAll() }
      entries[key] = visitor
    }
  }

  func forget(token: String) {
    let key = Self.key(token)
    entries.withLock { $0[key] = nil }
  }

  /// The token itself is not kept in memory for longer than its request.
  private static func key(_ token: String) -> [UInt8] { Digest.sha256(Array(token.utf8)) }
}
