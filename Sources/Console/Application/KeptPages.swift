import Foundation
import HTTP
import PKI
import Store
import Synchronization

/// Finished pages, so that one that is asked for again and again is drawn once for each change, and not for each request.
///
/// What keeps this safe:
/// - A page belongs to one session and one path. The session's token is part of the key, so nobody else's request finds it.
/// - It holds for one ``Store/Store/version``, which was asked for before anything was read for the page. Whatever is
///   written afterwards, by whichever program, also that a session has ended or what its user may do, makes it void.
/// - It holds for a second by the clock, so that what it says of the time is right, and for no moment at which its session
///   would have ended, or would have to be noted as used.
/// - Only the paths of ``paths`` are kept, whose pages are made of the store, the clock and what does not change while the
///   program runs; and of their answers only plain pages, neither errors nor what sets a cookie or shows a notice.
final class KeptPages: Sendable {
  /// What an answer is kept for, as it was when the request came.
  struct Occasion: Sendable {
    fileprivate let key: Key
    fileprivate let version: Int
    fileprivate let moment: Date
  }

  fileprivate struct Key: Hashable {
    let session: [UInt8]
    let path: String
  }

  fileprivate struct Page {
    let response: Response
    let occasion: Occasion
    let session: SessionRecord
    let size: Int
  }

  fileprivate struct State {
    var pages: [Key: Page] = [:]
    var size = 0
    var drawn = 0
  }

  /// In seconds.
  static let lifetime: TimeInterval = 1
  /// The patterns of the routes whose pages are kept.
  static let paths: Set<String> = ["/roots", "/updates/:id"]

  private let store: Store
  private let clock: @Sendable () -> Date
  /// What pages are made of besides the store and the clock, where it has something to say.
  private let isDisturbed: @Sendable () -> Bool
  private let limit: (pages: Int, bytes: Int)
  private let state = Mutex(State())

  /// - Parameters:
  ///   - isDisturbed: whether pages say something now that neither the store nor the clock knows; none is kept then.
  ///   - limit: of all pages together.
  init(
    store: Store, clock: @escaping @Sendable () -> Date, isDisturbed: @escaping @Sendable () -> Bool = { false },
    limit: (pages: Int, bytes: Int) = (256, 8 << 20)
  ) {
    (self.store, self.clock, self.isDisturbed, self.limit) = (store, clock, isDisturbed, limit)
  }

  /// How many answers have been drawn that could be kept.
  var drawn: Int { state.withLock(\.drawn) }

  /// How many are kept, and how many bytes.
  var size: (pages: Int, bytes: Int) { state.withLock { ($0.pages.count, $0.size) } }

  /// What an answer to a request can be kept for; nil where none can. To be asked before anything is read for the answer.
  func occasion(_ head: RequestHead) -> Occasion? {
    guard head.method == .get, head.query.fields.isEmpty, head.cookies[Notice.cookieName] == nil,
      let token = SessionCookie.token(head.cookies, SessionCookie.name), !isDisturbed(), let version = store.version
    else { return nil }
    // The token itself is not kept in memory for longer than its request.
    return Occasion(
      key: Key(session: Digest.sha256(Array(token.utf8)), path: head.path), version: version, moment: clock())
  }

  /// The page that is kept for an occasion.
  func page(_ occasion: Occasion) -> Response? {
    state.withLock { state in
      guard let page = state.pages[occasion.key], page.holds(for: occasion) else { return nil }
      return page.response
    }
  }

  /// Keeps an answer to a request of a session, if it is one to keep.
  ///
  /// - Parameters:
  ///   - occasion: what ``occasion(_:)`` said before anything was read for it.
  ///   - pattern: the route that answered.
  func keep(_ response: Response, for occasion: Occasion?, pattern: String, _ visit: Visit) {
    guard let occasion, Self.paths.contains(pattern), response.status == 200, case .bytes(let bytes) = response.body,
      response.header("Set-Cookie") == nil, visit.notice == nil, visit.clockBanner == nil, !isDisturbed(),
      case .session(let session)? = visit.visitor?.credential
    else { return }
    let page = Page(response: response, occasion: occasion, session: session, size: bytes.count)
    state.withLock { state in
      state.drawn += 1
      state.drop(occasion.key)
      guard page.size <= limit.bytes else { return }
      if state.pages.count >= limit.pages || state.size + page.size > limit.bytes { state = State(drawn: state.drawn) }
      state.pages[occasion.key] = page
      state.size += page.size
    }
  }

  /// Drops what does not hold any more, so that nothing is kept in memory for long.
  func sweep() {
    let (version, now) = (store.version, clock())
    state.withLock { state in
      for (key, page) in state.pages where page.occasion.version != version || !page.isYoung(at: now) {
        state.drop(key)
      }
    }
  }
}

extension KeptPages.State {
  init(drawn: Int) { self.drawn = drawn }

  mutating func drop(_ key: KeptPages.Key) {
    if let page = pages.removeValue(forKey: key) { size -= page.size }
  }
}

extension KeptPages.Page {
  func holds(for other: KeptPages.Occasion) -> Bool {
    occasion.version == other.version && isYoung(at: other.moment) && session.isInUse(at: other.moment)
  }

  /// A clock that was set back makes it too old, too.
  func isYoung(at moment: Date) -> Bool {
    (0..<KeptPages.lifetime).contains(moment.timeIntervalSince(occasion.moment))
  }
}

extension SessionRecord {
  /// Whether asking the store for the session at a moment would give it back and write nothing.
  fileprivate func isInUse(at moment: Date) -> Bool {
    beganAt <= moment && moment.timeIntervalSince(beganAt) < Store.sessionLimit
      && (0..<Store.sessionUseNoted).contains(moment.timeIntervalSince(seenAt))
  }
}
