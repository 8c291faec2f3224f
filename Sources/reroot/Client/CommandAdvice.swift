import Console

/// What to do on the command line about what the server has refused: the cause is the server's, the way on is an option or
/// a command.
enum CommandAdvice {
  /// The sentence for a problem of the API; nil where it is none.
  static func sentence(_ problem: JSONValue) -> String? {
    guard let detail = problem["detail"]?.text else { return nil }
    guard let advice = advice(problem["code"]?.text ?? "") else { return detail }
    return "\(problem["cause"]?.text ?? detail) \(advice)"
  }

  private static func advice(_ code: String) -> String? {
    switch code {
    case "PROBLEMS_NOT_ACCEPTED":
      "Give --accept-problems to start all the same, or solve them and make a new plan."
    case "NAMESAKE_NOT_ACCEPTED":
      "Give --accept-namesake to take this one all the same, or import a root certificate with a name of its own."
    case "WARNINGS_NOT_ACCEPTED": "Give --accept-warnings to import it all the same."
    case "DECISION_STALE", "UPDATE_MOVED_ON": "See where it stands: reroot update show"
    case "DECISION_NOT_OFFERED": "See what is on offer: reroot update show"
    case "RESTORED_NOT_SEEN": "See what differs: reroot restoration show"
    default: nil
    }
  }
}
