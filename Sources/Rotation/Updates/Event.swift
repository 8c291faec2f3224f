/// What happened to an update, in the order of the journal. The state of an update is the fold of its events.
public enum Event: Sendable, Hashable, Codable {
  /// An administrator started the planned update.
  case started(by: String)
  /// What an attempt was to bring about has been seen, and is only watched for a while, to see that it lasts.
  case actionSettles(ActionID, attempt: Int)
  /// An attempt at an action ended well.
  case actionSucceeded(ActionID, attempt: Int)
  /// An attempt at an action failed.
  case actionFailed(ActionID, attempt: Int, Failure)
  /// The program was ended while the update ran or asked: every action that was in flight, and those that had succeeded
  /// but whose work was not found any more at the next start.
  case interrupted([InterruptedAction])
  /// The program is being ended in good order: nothing new begins.
  case halted
  /// The journal was restored from a backup: what happened after that is not in it.
  case journalRestored
  /// An administrator decided.
  case decided(Decision)

  /// An action that was in flight when the program ended, or that was found undone at the next start.
  public struct InterruptedAction: Sendable, Hashable, Codable {
    /// Which.
    public var action: ActionID
    /// What a look at the target and its endpoints showed.
    public var failure: Failure

    /// Describes an interrupted action.
    public init(action: ActionID, failure: Failure) {
      self.action = action
      self.failure = failure
    }
  }
}

/// What the shell must do after a transition.
public enum Effect: Sendable, Hashable {
  /// Carry out an action and report its end with the same attempt number.
  case perform(ActionID, attempt: Int)
  /// Let an action in flight come to its end soon, because what follows puts its component back; report its end as ever.
  case end(ActionID, attempt: Int)
  /// Show the failure panel: an administrator must answer this question.
  case ask(question: Int)
  /// The update has ended.
  case finish(Outcome)
}

/// How an update ended.
public enum Outcome: String, Sendable, Hashable, Codable, CaseIterable {
  /// Every component is on the new certificate set.
  case completed
  /// Some are not; each failure offers Retry and the whole offers Abort.
  case completedWithErrors
  /// Everything touched is as it was.
  case rolledBack
  /// Rolled back, but for the components whose restore was overridden.
  case rolledBackWithErrors
}

/// Why an event was refused. Nothing has changed.
public enum Refusal: Error, Sendable, Hashable {
  /// The decision answers a question that is no longer open.
  case stale(asked: Int, current: Int)
  /// The decision is not possible as things stand.
  case notOffered(Decision.Kind)
  /// The event does not belong to this state: not started, already started, or an attempt that nobody is making.
  case unexpected(String)
}
