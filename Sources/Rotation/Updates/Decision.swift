/// What happens to the rest of an update when an action fails.
public enum FailurePolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// Nothing new begins, and an administrator decides (recommended).
  case stop
  /// Errors are disregarded, and everything left is tried.
  case `continue`
}

/// An administrator's answer to a failure.
public struct Decision: Sendable, Hashable, Codable {
  /// Which of the four buttons.
  public var kind: Kind
  /// The number of the question that it answers, so that a click in a stale tab is refused.
  public var question: Int
  /// With Retry: which failed actions; nil means all of them.
  public var actions: [ActionID]?
  /// Who decided.
  public var by: String
  /// Why, where that was asked.
  public var reason: String?

  /// Describes a decision.
  public init(_ kind: Kind, question: Int, actions: [ActionID]? = nil, by: String, reason: String? = nil) {
    self.kind = kind
    self.question = question
    self.actions = actions
    self.by = by
    self.reason = reason
  }

  /// The four answers.
  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case abort, override, retry
    case continueUpdate = "continue"
  }
}
