import Store

/// Why an update is not started, or a decision not taken, in words for a person.
enum UpdateRefusal: Error, Sendable, Equatable {
  /// A problem forbids the start.
  case blocked
  /// Problems were found and not accepted.
  case problemsNotAccepted
  /// A root of the same name with another key is trusted, and the administrator has not chosen that.
  case namesakeNotAccepted
  /// By this machine's clock the plan was made in the future.
  case clock
  /// What the console was to serve HTTPS with cannot be used any more.
  case https(String)
  /// Files have changed since the plan was made.
  case outdated([String])
  /// Files could not be looked at again, for these reasons.
  case unseen([String])
  /// The root that was to be retired is needed still.
  case needed(String)
  /// The program is being ended.
  case halting

  /// A stable word for programs.
  var code: String {
    switch self {
    case .blocked: "PLAN_BLOCKED"
    case .problemsNotAccepted: "PROBLEMS_NOT_ACCEPTED"
    case .namesakeNotAccepted: "NAMESAKE_NOT_ACCEPTED"
    case .clock: "CLOCK_SET_BACK"
    case .https: "HTTPS_CERTIFICATE_UNUSABLE"
    case .outdated: "FILES_CHANGED"
    case .unseen: "FILES_NOT_SEEN"
    case .needed: "ROOT_STILL_NEEDED"
    case .halting: "STOPPING"
    }
  }

  /// The status of the answer.
  var status: Int { self == .halting ? 503 : 409 }

  /// What is wrong and what to do, as a page says it.
  var sentence: String { "\(cause) \(advice.page)" }

  /// What is wrong.
  var cause: String {
    switch self {
    case .blocked: "This update cannot start: the plan names a problem that must be solved first."
    case .problemsNotAccepted: "The plan names problems."
    case .namesakeNotAccepted: "A root of the same name with another key is trusted already."
    case .clock: "By this machine's clock this plan was made in the future, so the clock was set back since."
    case .https(let sentence): sentence
    case .outdated(let paths):
      "Files have changed since the plan was made: \(paths.prefix(5).joined(separator: ", "))"
        + "\(paths.count > 5 ? " and \(paths.count - 5) more" : "")."
    case .unseen(let reasons):
      "Whether files have changed since the plan was made cannot be seen. \(reasons.prefix(5).joined(separator: " "))"
        + "\(reasons.count > 5 ? " And \(reasons.count - 5) more." : "")"
    case .needed(let sentence): "\(sentence) Nothing was changed."
    case .halting: "Reroot is being ended."
    }
  }

  /// What to do.
  var advice: Advice {
    switch self {
    case .blocked: Advice("Make a new plan then.")
    case .problemsNotAccepted:
      Advice(
        page: "Tick the box that says that you want to start all the same, or solve them and make a new plan.",
        api: "Send `acceptProblems` as true to start all the same, or solve them and make a new plan.")
    case .namesakeNotAccepted:
      Advice(
        page: "Tick the box that says that you want this one all the same, or import a root certificate with a name of "
          + "its own.",
        api: "Send `acceptNamesake` as true to take this one all the same, or import a root certificate with a name of "
          + "its own.")
    case .clock: Advice("Make sure that it is right, then make a new plan.")
    case .https, .outdated: Advice("Make a new plan.")
    case .unseen: Advice("Start again once that is mended.")
    case .needed: Advice("See to it, then make a new plan.")
    case .halting: Advice("Try again when it runs again.")
    }
  }
}
