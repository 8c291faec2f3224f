import Foundation
import GRDB
import PKI
import Rotation

/// What failed attempts to sign in are counted by. A success forgets only what it proves to have been somebody's own.
public enum SignInCount: Sendable, Hashable {
  /// Attempts at a name from one place of the network. After five failures 30 s must pass, then 1 min, … up to 15 min.
  case place(String, name: String)
  /// Attempts at a name from one known browser, counted alike. Strangers do not count here.
  case browser(String, name: String)
  /// Attempts at a name from all strangers together: 60, and one more each minute.
  case strangers(name: String)
  /// Attempts from one place of the network by whatever name: 40, and one more in 30 s. Names are endless.
  case anyName(place: String)
  /// Codes of a user's second factor that strangers got wrong, who then have the password: 10, and one more in 15 min.
  case codes(UserRecord.ID)

  /// So many failures are free of a delay, of one place or one known browser.
  public static let freeFailures = 5
  /// Failures are forgotten after so long, in seconds.
  static let memory: TimeInterval = 24 * 3600

  var key: String {
    switch self {
    // The place of an address of IPv6 has a slash of its own.
    case .place(let place, let name):
      "place/\(String(place.prefix(64)).escaped { $0 == "/" ? "+" : nil })/\(SignInName.folded(name))"
    case .browser(let number, let name): "browser/\(number)/\(SignInName.folded(name))"
    case .strangers(let name): "strangers/\(SignInName.folded(name))"
    case .anyName(let place): "any/\(place.prefix(64))"
    case .codes(let user): "codes/\(user.rawValue)"
    }
  }

  /// The name that a key is of, which may hold slashes itself; nil for a user's number.
  static func name(of key: String) -> String? {
    switch String(key.unicodeScalars.prefix { $0 != "/" }) {
    case "place", "browser": parts(key, 3)
    case "strangers": parts(key, 2)
    default: nil
    }
  }

  private static func parts(_ key: String, _ count: Int) -> String? {
    // By code points: a name may begin with an accent, which is one character with the slash before it.
    let parts = key.unicodeScalars.split(separator: "/", maxSplits: count - 1, omittingEmptySubsequences: false)
    return parts.count == count ? parts.last.map { String($0) } : nil
  }

  /// The seconds in which one failure is forgiven; nil where failures are forgotten by a success only.
  private var forgiveness: TimeInterval? {
    switch self {
    case .place, .browser: nil
    case .strangers: 60
    case .anyName: 30
    case .codes: 900
    }
  }

  private var capacity: Double {
    switch self {
    case .place, .browser: Double(Self.freeFailures)
    case .strangers: 60
    case .anyName: 40
    case .codes: 10
    }
  }

  /// The failures that still count so many seconds after the last one.
  func level(_ level: Double, after elapsed: TimeInterval) -> Double {
    guard let forgiveness else { return level }
    return max(0, level - max(0, elapsed) / forgiveness)
  }

  /// The seconds that must still pass before the next attempt.
  func wait(_ kept: Double, after elapsed: TimeInterval) -> TimeInterval {
    if let forgiveness {
      return max(0, level(kept, after: elapsed) + 1 - capacity) * forgiveness
    }
    guard kept >= capacity else { return 0 }
    let wait = min(900, 30 * pow(2, min(kept - capacity, 10)))
    return min(wait, max(0, wait - elapsed))
  }
}

extension Store {
  /// Counts a failed attempt to sign in, whether or not there is such a user.
  public func recordFailedSignIn(_ counts: [SignInCount]) async throws {
    let now = clock()
    try await writeAside { database in
      // Names that were only guessed do not pile up.
      try database.execute(
        sql: "DELETE FROM sign_in_failures WHERE last_at < ?",
        arguments: [now.addingTimeInterval(-SignInCount.memory).milliseconds])
      for count in counts {
        let kept = try Self.failures(count, database)
        let level = kept.map { count.level($0.level, after: Self.elapsed(since: $0.at, now)) } ?? 0
        try database.execute(
          sql: "INSERT OR REPLACE INTO sign_in_failures (counted_by, level, last_at) VALUES (?, ?, ?)",
          arguments: [count.key, level + 1, now.milliseconds])
      }
    }
  }

  /// For how long no further attempt is taken: the longest of what the counts ask for; nil for none.
  public func signInDelay(_ counts: [SignInCount]) async throws -> Duration? {
    let now = clock()
    let wait = try await read { database in
      try counts.map { count in
        try Self.failures(count, database).map { count.wait($0.level, after: Self.elapsed(since: $0.at, now)) } ?? 0
      }.max() ?? 0
    }
    // A level that nobody reaches was written into the database by somebody else.
    return wait > 0 ? .milliseconds(Int((min(wait, 86_400) * 1000).rounded(.up))) : nil
  }

  /// Forgets failed attempts, after one that succeeded.
  public func clearFailedSignIns(_ counts: [SignInCount]) async throws {
    try await writeAside { database in
      for count in counts {
        try database.execute(sql: "DELETE FROM sign_in_failures WHERE counted_by = ?", arguments: [count.key])
      }
    }
  }

  /// Forgets the failed attempts at a name, from wherever.
  static func forgetFailedSignIns(at name: String, _ database: GRDB.Database) throws {
    let name = SignInName.folded(name)
    for key in try String.fetchAll(database, sql: "SELECT counted_by FROM sign_in_failures")
    where SignInCount.name(of: key) == name {
      try database.execute(sql: "DELETE FROM sign_in_failures WHERE counted_by = ?", arguments: [key])
    }
  }

  /// A failure that lies in the future was dated by a clock that has been set back since; it must not lock anybody out
  /// until then.
  private static func elapsed(since moment: Date, _ now: Date) -> TimeInterval {
    let elapsed = now.timeIntervalSince(moment)
    return elapsed < -1 ? .infinity : elapsed
  }

  private static func failures(_ count: SignInCount, _ database: GRDB.Database) throws -> (level: Double, at: Date)? {
    try Row.fetchOne(database, sql: "SELECT * FROM sign_in_failures WHERE counted_by = ?", arguments: [count.key])
      .map { ($0["level"], Date(milliseconds: $0["last_at"])) }
  }
}
