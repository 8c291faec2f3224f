import Delivery
import Foundation
import PKI

/// The searches for components that administrators have asked for. They are kept in memory only, and only the latest ones:
/// what is not accepted is nothing.
actor Searches {
  /// A search as it is at one moment.
  struct Search: Sendable {
    let places: [Place]
    let startedAt: Date
    var results: [PlaceSighting?]
    var standing = Standing.running

    /// How many places are known.
    var done: Int { results.count { $0 != nil } }
  }

  /// The ways in which a search can stand.
  enum Standing: Sendable {
    case running, ended, cancelled
  }

  /// Why a search was not begun.
  struct Busy: Error {}

  /// How many may run at once, and how many are kept.
  static let runningLimit = 2
  private static let keptLimit = 8
  /// How long one may take.
  static let timeLimit = Duration.seconds(120)

  private let finder = Finder()
  private var searches: [String: Search] = [:]
  private var tasks: [String: Task<Void, Never>] = [:]
  private var order: [String] = []

  /// Begins a search.
  ///
  /// - Returns: its token.
  func begin(_ places: [Place], at moment: Date) throws -> String {
    guard searches.values.count(where: { $0.standing == .running }) < Self.runningLimit else { throw Busy() }
    let token = SecureRandom.token()
    searches[token] = Search(
      places: places, startedAt: moment, results: [PlaceSighting?](repeating: nil, count: places.count))
    order.append(token)
    forgetOldest()
    let finder = finder
    tasks[token] = Task {
      await finder.look(at: places, within: Self.timeLimit) { index, sighting in
        await self.take(sighting, index, token)
      }
      self.end(token)
    }
    return token
  }

  /// A search by its token; nil when there is none any more.
  func search(_ token: String) -> Search? { searches[token] }

  /// Ends a search early; what it has found stays.
  func cancel(_ token: String) {
    guard searches[token]?.standing == .running else { return }
    searches[token]?.standing = .cancelled
    tasks.removeValue(forKey: token)?.cancel()
  }

  /// Ends all, because the console is being stopped.
  func cancelAll() {
    for token in order { cancel(token) }
  }

  private func take(_ sighting: PlaceSighting, _ index: Int, _ token: String) {
    guard searches[token]?.results.indices.contains(index) == true else { return }
    searches[token]?.results[index] = sighting
  }

  private func end(_ token: String) {
    tasks[token] = nil
    if searches[token]?.standing == .running { searches[token]?.standing = .ended }
  }

  private func forgetOldest() {
    while order.count > Self.keptLimit, let oldest = order.first(where: { searches[$0]?.standing != .running }) {
      order.removeAll { $0 == oldest }
      searches[oldest] = nil
    }
  }
}
