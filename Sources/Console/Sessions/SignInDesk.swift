import Delivery
import Foundation
import PKI
import Store
import Synchronization

/// Checks names and passwords, one attempt at a time for each name, so that many at once cannot outrun the count of the
/// failed ones.
final class SignInDesk: Sendable {
  enum Answer: Sendable {
    case right(UserRecord)
    case wrong
    /// Ask again after so many seconds.
    case later(seconds: Int)
    /// Too many attempts for all names together.
    case busy
  }

  /// Attempts for all names that may wait for the thread: each costs a tenth of a second of it.
  private static let limit = 16
  /// Attempts from one address that may wait, so that one stranger does not take all the places.
  private static let addressLimit = 4

  private let store: Store
  /// One of its own: strangers who sign in must not keep an update from its threads.
  private let workThreads = WorkThreads(count: 1, name: "passwords")
  private let waiting = Mutex<[String: String]>([:])
  /// The hash of a password that nobody knows, for names that nobody has.
  private let strangersHash: PasswordHash

  init(store: Store) async throws {
    self.store = store
    strangersHash = try await workThreads.run { try PasswordHash.make(SecretBytes(utf8: SecureRandom.token())) }
  }

  /// Whether this is the password of the name. An unknown name costs as much time as a wrong password.
  func check(name: String, password: SecretBytes, from address: String) async throws -> Answer {
    let key = name.lowercased()
    let place = waiting.withLock { waiting -> Answer? in
      if waiting[key] != nil { return .later(seconds: 1) }
      guard waiting.count < Self.limit, waiting.values.count(where: { $0 == address }) < Self.addressLimit else {
        return .busy
      }
      waiting[key] = address
      return nil
    }
    if let place { return place }
    defer { waiting.withLock { $0[key] = nil } }

    if let delay = try await store.signInDelay(key) { return .later(seconds: max(1, Int(delay.components.seconds))) }
    let user = try await store.user(name: name)
    let hash = user?.passwordHash ?? strangersHash
    let isRight = try await workThreads.run { try hash.verify(password) }
    guard let user, isRight else {
      try await store.recordFailedSignIn(key)
      return .wrong
    }
    try await store.clearFailedSignIns(key)
    if hash.isOutdated {
      let renewed = try await workThreads.run { try PasswordHash.make(password) }
      try await store.renewPasswordHash(user.id, from: hash, to: renewed)
    }
    return .right(user)
  }
}
