import Delivery
import Foundation
import PKI
import Store

/// Says whether the console can do its work. A look costs a handshake and a question to the database, and anybody may ask,
/// so its answer holds for a few seconds, and whoever asks while one goes on waits for that one.
actor Readiness {
  /// For how long an answer holds.
  private static let lifetime = Duration.seconds(5)
  /// How long each look may take: a disk that hangs gives no answer at all.
  private static let limit = Duration.seconds(5)

  private let look: @Sendable () async -> String?
  private var known: (problem: String?, at: ContinuousClock.Instant)?
  private var looking: Task<String?, Never>?

  init(store: Store, https: HTTPSKeeper, restoration: RestorationDesk, unwritten: UnwrittenUpdates) {
    self.init {
      if let problem = await Self.database(store) { return problem }
      if let problem = unwritten.sentence { return problem }
      if let problem = Self.restoring(restoration) { return problem }
      return await Self.https(https)
    }
  }

  init(look: @escaping @Sendable () async -> String?) { self.look = look }

  /// Why it cannot do its work, in a sentence; nil when it can.
  func problem() async -> String? {
    if let known, ContinuousClock.now - known.at < Self.lifetime { return known.problem }
    if let looking { return await looking.value }
    let task = Task { await look() }
    looking = task
    let problem = await task.value
    (known, looking) = ((problem, .now), nil)
    return problem
  }

  private static func database(_ store: Store) async -> String? {
    do {
      try await within(limit) { try await store.requireAnswer() }
      return nil
    } catch let error as StoreError {
      return error.sentence
    } catch {
      return "Reroot's database gives no answer. Look whether the disk of its data folder hangs."
    }
  }

  /// Only until the look is over: after it somebody has to read what differs, and needs the console for that.
  private static func restoring(_ desk: RestorationDesk) -> String? {
    guard let open = desk.open, open.lookedAt == nil else { return nil }
    return "The database was restored from a backup, and every component is being looked at. Wait until that is over."
  }

  private static func https(_ keeper: HTTPSKeeper) async -> String? {
    let expected = keeper.current.chain.first
    do {
      let seen = try await within(limit) { try await keeper.lookAtItself() }
      // It may have been exchanged just now.
      guard seen.first == expected || seen.first == keeper.current.chain.first else {
        return "The console serves HTTPS with another certificate than it should. Start Reroot again."
      }
      return nil
    } catch {
      return "The console could not be seen to serve HTTPS. Its log says more."
    }
  }

  private struct Expired: Error {}

  private static func within<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let answer = FirstAnswer<Value>()
    Task {
      do { answer.give(.success(try await work())) } catch { answer.give(.failure(error)) }
    }
    return try await answer.value(within: limit) { .failure(Expired()) }
  }
}
