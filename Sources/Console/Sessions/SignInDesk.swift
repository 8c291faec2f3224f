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

  /// Attempts for all names that may wait for a thread: each costs a tenth of a second of it.
  private static let limit = 32

  private let store: Store
  private let workThreads: WorkThreads
  private let names = Mutex<Set<String>>([])
  /// The hash of a password that nobody knows, for names that nobody has.
  private let strangersHash: PasswordHash

  init(store: Store, workThreads: WorkThreads) async throws {
    self.store = store
    self.workThreads = workThreads
    strangersHash = try await workThreads.run { try PasswordHash.make(SecretBytes(utf8: SecureRandom.token())) }
  }

  /// Whether this is the password of the name. An unknown name costs as much time as a wrong password.
  func check(name: String, password: SecretBytes) async throws -> Answer {
    let key = name.lowercased()
    let place = names.withLock { names -> Answer? in
      guard names.count < Self.limit else { return .busy }
      return names.insert(key).inserted ? nil : .later(seconds: 1)
    }
    if let place { return place }
    defer { names.withLock { _ = $0.remove(key) } }

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
