import Delivery
import Foundation
import HTTP
import PKI
import Store
import Synchronization

/// From where somebody asks to be let in.
struct SignInCaller: Sendable {
  /// The address that the request comes from.
  let address: String
  /// What a browser keeps that has signed in before; not checked yet.
  let mark: String?

  init(address: String, mark: String? = nil) {
    self.address = address
    self.mark = mark
  }

  init(_ request: Request) {
    self.init(
      address: request.remoteAddress, mark: SessionCookie.token(request.cookies, SessionCookie.browserName))
  }

  /// Attempts are counted by it: one customer of a network has many addresses of IPv6.
  var place: String { IPAddress(address)?.neighbourhood ?? address }
}

/// Checks passwords and codes, one attempt at a time for each name and place, so that many at once cannot outrun the count of
/// the failed ones.
///
/// A browser that a name has signed in with before is counted by itself: strangers who try the name, however many and from
/// wherever, do not make its owner wait (OWASP, "device cookies").
final class SignInDesk: Sendable {
  enum Answer<Right: Sendable>: Sendable {
    case right(Right)
    case wrong
    /// Ask again after so many seconds.
    case later(seconds: Int)
    /// Too many attempts for all names together.
    case busy
  }

  /// What an attempt counts by: the caller alone, and all that must be looked at.
  private struct Counts {
    let own: SignInCount
    let all: [SignInCount]
    let isKnown: Bool
  }

  private struct Waiting {
    let place: String
    let isKnown: Bool
  }

  /// Attempts of strangers that may wait for the thread, each of which costs a tenth of a second of it; and attempts of known
  /// browsers, which have places of their own.
  private static let limit = 16
  /// Attempts from one place that may wait, so that one stranger does not take all the places.
  private static let placeLimit = 4

  private let store: Store
  /// One of its own: strangers who sign in must not keep an update from its threads.
  private let workThreads = WorkThreads(count: 1, name: "passwords")
  private let waiting = Mutex<[SignInCount: Waiting]>([:])
  private let verified = Mutex(0)
  /// For names that nobody has.
  private let strangersHash: PasswordHash

  /// Counts the attempts that failed.
  let failures = SignInMeter()

  /// How often a password was compared with a hash, which is what an attempt costs.
  var passwordsVerified: Int { verified.withLock { $0 } }

  init(store: Store) throws {
    self.store = store
    strangersHash = try PasswordHash.ofNone()
  }

  /// Whether this is the password of the name. An unknown name costs as much time as a wrong password.
  ///
  /// Failures of the caller are forgotten by ``completed(name:_:)`` only: who has the password may still owe a code.
  func check(name: String, password: SecretBytes, from caller: SignInCaller) async throws -> Answer<UserRecord> {
    let counts = try await counts(name, caller, strangers: .strangers(name: name))
    return try await inTurn(counts, caller, counting: .password) {
      let user = try await store.user(name: name)
      let hash = user?.passwordHash ?? strangersHash
      verified.withLock { $0 += 1 }
      let isRight = try await workThreads.run { try hash.verify(password) }
      guard let user, isRight else { return nil }
      if hash.isOutdated {
        let renewed = try await workThreads.run { try PasswordHash.make(password) }
        return try await store.renewPasswordHash(of: user, to: renewed)
      }
      return user
    }
  }

  /// Whether this is a code of the user's second factor; it is used up by this.
  func check(code: String, of user: UserRecord, from caller: SignInCaller) async throws -> Answer<SecondFactorCode> {
    let counts = try await counts(user.name, caller, strangers: .codes(user.id))
    return try await inTurn(counts, caller, counting: .code) { try await store.useSecondFactor(user.id, code: code) }
  }

  /// The caller has proven everything that was asked for: the failures of this place, or this browser, are forgotten.
  func completed(name: String, _ caller: SignInCaller) async throws {
    try await store.clearFailedSignIns([counts(name, caller, strangers: .strangers(name: name)).own])
  }

  private func counts(_ name: String, _ caller: SignInCaller, strangers: SignInCount) async throws -> Counts {
    let name = SignInName.folded(name)
    if let mark = caller.mark, let browser = try await store.markedBrowser(mark, of: name) {
      let own = SignInCount.browser(browser, name: name)
      return Counts(own: own, all: [own], isKnown: true)
    }
    let own = SignInCount.place(caller.place, name: name)
    return Counts(own: own, all: [own, strangers, .anyName(place: caller.place)], isKnown: false)
  }

  /// Makes one attempt, unless a delay or others forbid it, and counts it where it fails.
  private func inTurn<Right: Sendable>(
    _ counts: Counts, _ caller: SignInCaller, counting failure: SignInMeter.Failure,
    _ attempt: () async throws -> Right?
  ) async throws -> Answer<Right> {
    let answer = try await answer(counts, caller, attempt)
    switch answer {
    case .right: break
    case .wrong: failures.count(failure)
    case .later, .busy: failures.count(.refused)
    }
    return answer
  }

  private func answer<Right: Sendable>(
    _ counts: Counts, _ caller: SignInCaller, _ attempt: () async throws -> Right?
  ) async throws -> Answer<Right> {
    let refusal = waiting.withLock { waiting -> Answer<Right>? in
      if waiting[counts.own] != nil { return .later(seconds: 1) }
      let others = waiting.values.filter { $0.isKnown == counts.isKnown }
      guard others.count < Self.limit, others.count(where: { $0.place == caller.place }) < Self.placeLimit else {
        return .busy
      }
      waiting[counts.own] = Waiting(place: caller.place, isKnown: counts.isKnown)
      return nil
    }
    if let refusal { return refusal }
    defer { waiting.withLock { $0[counts.own] = nil } }

    if let delay = try await store.signInDelay(counts.all) {
      return .later(seconds: Int((delay / .seconds(1)).rounded(.up)))
    }
    guard let right = try await attempt() else {
      try await store.recordFailedSignIn(counts.all)
      return .wrong
    }
    return .right(right)
  }
}
