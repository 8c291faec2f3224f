import Console

/// What to do on the command line about what the server has refused: the cause is the server's, the way on is an option or
/// a command.
enum CommandAdvice {
  /// The sentence for a problem of the API; nil where it is none.
  ///
  /// - Parameter path: what was asked for, below `/api/v1`.
  static func sentence(_ problem: JSONValue, of path: String) -> String? {
    guard let detail = problem["detail"]?.text else { return nil }
    guard let advice = advice(problem["code"]?.text ?? "", path) else { return detail }
    return "\(problem["cause"]?.text ?? detail) \(advice)"
  }

  private static func advice(_ code: String, _ path: String) -> String? {
    switch code {
    case "PROBLEMS_NOT_ACCEPTED":
      "Give --accept-problems to start all the same, or solve them and make a new plan."
    case "NAMESAKE_NOT_ACCEPTED":
      "Give --accept-namesake to take this one all the same, or import a root certificate with a name of its own."
    case "WARNINGS_NOT_ACCEPTED": "Give --accept-warnings to import it all the same."
    case "DECISION_STALE", "UPDATE_MOVED_ON": "See where it stands: \(showing(path))"
    case "DECISION_NOT_OFFERED": "See what is on offer: \(showing(path))"
    case "RESTORED_NOT_SEEN": "See what differs, and confirm it: reroot restoration show, reroot restoration confirm"
    default: nil
    }
  }

  /// The command that shows the update that was asked for; without its number it would show the newest.
  private static func showing(_ path: String) -> String {
    let parts = path.split(separator: "/")
    guard parts.count > 1, parts[0] == "updates", Int64(parts[1]) != nil else { return "reroot update show" }
    return "reroot update show \(parts[1])"
  }
}
