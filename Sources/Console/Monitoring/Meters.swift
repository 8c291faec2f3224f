import Rotation
import Store
import Synchronization

/// How long actions took, since the start of the program, by a clock that nobody sets.
final class ActionMeter: Sendable {
  /// What is told apart.
  struct Key: Hashable, Sendable, Comparable {
    let kind: ActionKind
    let succeeded: Bool

    /// As the label `result` says it.
    var result: Measures.Result { succeeded ? .succeeded : .failed }

    static func < (one: Key, other: Key) -> Bool {
      (one.kind.rawValue, one.result.rawValue) < (other.kind.rawValue, other.result.rawValue)
    }
  }

  /// In seconds: a file is replaced in milliseconds, a service may take minutes to restart.
  static let bounds: [Double] = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

  private let state = Mutex<[Key: Histogram]>([:])

  /// Counts an action that has ended.
  func add(_ kind: ActionKind, succeeded: Bool, took duration: Duration) {
    state.withLock {
      $0[Key(kind: kind, succeeded: succeeded), default: Histogram(bounds: Self.bounds)].add(duration / .seconds(1))
    }
  }

  /// Every kind with every result, those without an action too.
  var histograms: [(key: Key, histogram: Histogram)] {
    let known = state.withLock { $0 }
    let keys = ActionKind.allCases.flatMap { kind in [true, false].map { Key(kind: kind, succeeded: $0) } }
    return keys.sorted().map { ($0, known[$0] ?? Histogram(bounds: Self.bounds)) }
  }
}

/// How often somebody tried to sign in, or to confirm with a password, and failed, since the start of the program.
final class SignInMeter: Sendable {
  /// Why it failed.
  enum Failure: String, CaseIterable {
    /// The name or the password was wrong.
    case password
    /// The password was right and the code was not.
    case code
    /// It was not looked at: too many attempts.
    case refused
  }

  private let counts = Mutex<[Failure: Int]>([:])

  /// Counts a failure.
  func count(_ failure: Failure) { counts.withLock { $0[failure, default: 0] += 1 } }

  /// How many there were of a kind.
  subscript(failure: Failure) -> Int { counts.withLock { $0[failure] ?? 0 } }
}

/// What watching has done since the start of the program.
final class WatchMeter: Sendable {
  struct State: Sendable {
    var looks = 0
    var appeared: [WatchFinding.Kind: Int] = [:]
    var vanished: [WatchFinding.Kind: Int] = [:]
    /// How long the last round took; nil before the first.
    var took: Duration?
  }

  private let counts = Mutex(State())

  /// What was counted.
  var state: State { counts.withLock { $0 } }

  /// Counts looks at components, and what they changed.
  func add(looks: Int, _ changes: [WatchChange]) {
    counts.withLock { state in
      state.looks += looks
      for change in changes {
        for finding in change.appeared { state.appeared[finding.kind, default: 0] += 1 }
        for finding in change.vanished { state.vanished[finding.kind, default: 0] += 1 }
      }
    }
  }

  /// A round is over.
  func ended(after duration: Duration) { counts.withLock { $0.took = duration } }
}
