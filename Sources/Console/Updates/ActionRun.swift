import Delivery
import Foundation
import Rotation
import Synchronization

/// One attempt at an action, which comes to an end within its limit whatever hangs, and soon once it is told to.
final class ActionRun: Sendable {
  /// Why it is ended before it has come to its end by itself.
  enum Ending: Sendable {
    /// Its time is over.
    case tooSlow(Duration)
    /// Abort was chosen, which puts back whatever it has done.
    case abort
    /// The program ends.
    case halt
  }

  /// For how long what was told to end is waited for.
  private let grace: Duration
  private let answer = FirstAnswer<Void>()
  private let ending = Mutex<Ending?>(nil)
  private let gaveUp = Mutex(false)
  private let work = Mutex<[Task<Void, Never>]>([])

  /// Begins the work, which is to notice when its task is cancelled.
  ///
  /// - Parameters:
  ///   - limit: how long it may take.
  ///   - grace: how long it may take to end once it was told to: a command is killed within 3 seconds, a connection cut.
  init(limit: Duration, grace: Duration = .seconds(4), _ body: @escaping @Sendable () async throws -> Void) {
    self.grace = grace
    let answer = answer
    let task = Task {
      do {
        try await body()
        answer.give(.success(()))
      } catch {
        answer.give(.failure(error))
      }
    }
    work.withLock { $0.append(task) }
    end(.tooSlow(limit), after: limit)
  }

  /// Waits for the end. To be called once.
  ///
  /// - Throws: why the action failed.
  func outcome() async throws {
    defer { work.withLock { for task in $0.dropFirst() { task.cancel() } } }
    do {
      try await withCheckedThrowingContinuation { answer.wait($0) }
    } catch {
      guard let ending = ending.withLock({ $0 }) else { throw error }
      throw ending.failure(instead: error, isLeftAlone: gaveUp.withLock { $0 })
    }
  }

  /// Tells the work to end after a time, unless it has come to its end until then.
  func end(_ reason: Ending, after time: Duration) {
    let timer = Task {
      try? await Task.sleep(for: time)
      guard !Task.isCancelled else { return }
      ending.withLock { $0 = $0 ?? reason }
      work.withLock { $0.first }?.cancel()
      try? await Task.sleep(for: grace)
      guard !Task.isCancelled else { return }
      // Nothing ends a process that waits for a dead disk, nor the call that waits for a lost file system.
      gaveUp.withLock { $0 = true }
      answer.give(.failure(CancellationError()))
    }
    work.withLock { $0.append(timer) }
  }
}

extension ActionRun.Ending {
  /// The failure of what was ended, with what it had to say itself.
  fileprivate func failure(instead error: any Error, isLeftAlone: Bool) -> ActionError {
    let said = error is CancellationError ? nil : Failure(describing: error)
    let rest = isLeftAlone ? " It has not ended even so, and is not waited for any longer." : ""
    switch self {
    case .tooSlow(let limit):
      return ActionError(
        code: "ACTION_TOO_SLOW",
        sentence: "It had not come to its end after \(Display.duration(Double(limit.components.seconds))), and was "
          + "told to end.\(rest)",
        advice: "Find out what hangs at the component: a disk, a network file system, its host. Then retry.",
        output: said?.output ?? "")
    case .halt:
      return ActionError(
        code: "ENDED_BY_STOP",
        sentence: "It was still going on when Reroot was ended, and was told to end.\(rest)",
        advice: "The next start looks at what it has done, and asks.", output: said?.output ?? "")
    case .abort:
      return ActionError(
        code: "ENDED_BY_ABORT",
        sentence: "It was still going on when Abort was chosen, and was told to end.\(rest)",
        advice: "Abort puts back whatever it has done.", output: said?.output ?? "")
    }
  }
}

extension ActionKind {
  /// For how long an action goes on undisturbed once Abort was chosen: looking on changes nothing, and a reload that is
  /// about to be finished is better finished.
  var courtesy: Duration { self == .verify ? .zero : UpdateState.courtesy }
}

extension UpdateState {
  /// See ``ActionKind/courtesy``; said on the page.
  static var courtesy: Duration { .seconds(5) }
}

extension ActionPerformer {
  /// How long an action may take at most: what the component's settings allow its commands and its verification, and a
  /// reserve for files and connections, each of which has a limit of its own.
  func timeLimit(of action: ActionID) -> Duration {
    // A retirement looks at the whole system before each bundle, for as long as the most patient component allows.
    let watched =
      plan.retires == nil ? [found(action)].compactMap { $0 } : plan.components
    let commands = watched.map { 2 * $0.component.activation.timeLimit }.max() ?? 0
    let looks = watched.map { 3 * $0.component.verificationTimeLimit }.max() ?? 0
    return reserve + .seconds(commands + looks)
  }
}
