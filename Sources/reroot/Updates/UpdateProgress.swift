import Console
import PKI

/// How an update stands, as its events and its actions tell it.
struct UpdateProgress: Sendable {
  /// One component, or the console itself.
  struct Line: Sendable, Hashable {
    /// How many of its steps have ended, and how many there are.
    var done = 0
    var total = 0
    var state = State.waiting
    /// The step that it is at, or that failed.
    var step = ""
  }

  enum State: String, Sendable, Hashable {
    case waiting, running, done, failed, leftOut, putBack
  }

  private struct Step: Sendable {
    let kind: String
    var status: String
  }

  /// The update as the API answers it; null before it has come.
  private(set) var update = JSONValue.null
  /// The names in the order of the update.
  private(set) var names: [String] = []
  private var steps: [String: [Step]] = [:]

  /// What stands for the console's own certificate.
  static let console = "the console"

  /// Takes how the update stands.
  mutating func take(update: JSONValue) { self.update = update }

  /// Takes all actions as they stand.
  mutating func take(actions: [JSONValue]) {
    names = []
    steps = [:]
    for action in actions {
      let name = action["component"]?.text ?? Self.console
      if steps[name] == nil { names.append(name) }
      steps[name, default: []].append(Step(kind: action.words("kind"), status: action.words("status")))
    }
  }

  /// Takes an entry of the journal. What is only noted of an action shows that it is under way.
  ///
  /// - Returns: whether it may have changed more than the one action, so that all have to be read again.
  mutating func take(entry: JSONValue) -> Bool {
    guard let action = entry["action"]?.text else { return ["decided", "interrupted"].contains(entry.words("kind")) }
    let name = entry["component"]?.text ?? Self.console
    let kind = String(action.prefix { $0 != ":" })
    guard let index = steps[name]?.firstIndex(where: { $0.kind == kind }) else { return true }
    switch entry.words("kind") {
    case "succeeded": steps[name]?[index].status = "succeeded"
    case "failed": steps[name]?[index].status = "failed"
    default:
      if steps[name]?[index].status == "waiting" { steps[name]?[index].status = "running" }
    }
    return false
  }

  /// How a component stands. Once it is being put back, only that counts.
  func line(_ name: String) -> Line {
    let all = steps[name] ?? []
    let back = all.filter { $0.kind.hasPrefix("restore") }
    let isBack = !back.isEmpty || standing.hasPrefix("roll")
    let steps = isBack ? back : all
    let ended = steps.count { ["succeeded", "skipped"].contains($0.status) }
    var line = Line(done: ended, total: steps.count)
    if let failed = steps.first(where: { $0.status == "failed" }) {
      (line.state, line.step) = (.failed, failed.kind)
    } else if let running = steps.first(where: { $0.status == "running" }) {
      (line.state, line.step) = (.running, running.kind)
    } else if steps.allSatisfy({ $0.status == "skipped" }) {
      line.state = .leftOut
    } else if ended == steps.count {
      line.state = isBack ? .putBack : .done
    } else {
      line.step = steps.first { $0.status == "waiting" }?.kind ?? ""
    }
    return line
  }

  /// How many actions stand so: `succeeded`, `failed`, `running`, `waiting`, `skipped`, `total`.
  func count(_ status: String) -> Int { Int(update["counts"]?[status]?.whole ?? 0) }

  var standing: String { update.words("standing") }

  /// How far it has come, from 0 to 1.
  var share: Double {
    let total = count("total")
    guard total > 0 else { return 0 }
    return Double(total - count("waiting") - count("running")) / Double(total)
  }

  /// Why an action of a component failed.
  func failure(of name: String) -> String? {
    update["failures"]?.elements?.last { ($0["component"]?.text ?? Self.console) == name }?["failure"]?["sentence"]?
      .text
  }
}

/// The words for the steps of updates, as the API names them.
enum StepWords {
  static func of(_ kind: String) -> String {
    switch kind {
    case "https": "exchange the HTTPS certificate"
    case "restore": "put back"
    case "restoreTrust": "put the trust bundle back"
    case "restoreHTTPS": "put the HTTPS certificate back"
    default: VisibleText.of(kind, limit: 40)
    }
  }
}

/// The words for how updates stand.
enum StandingWords {
  static func of(_ standing: String) -> String {
    switch standing {
    case "planned": "planned"
    case "running": "running"
    case "rollingBack": "rolling back"
    case "stopping": "stopping"
    case "deciding": "waiting for a decision"
    case "completed": "completed"
    case "completedWithErrors": "completed with errors"
    case "rolledBack": "rolled back"
    case "rolledBackWithErrors": "rolled back with errors"
    default: VisibleText.of(standing, limit: 40)
    }
  }

  /// The colour of how it ended, or stands.
  static func tint(_ standing: String) -> Tint {
    switch standing {
    case "completed": .green
    case "completedWithErrors", "deciding", "rolledBackWithErrors": .red
    case "rolledBack", "rollingBack", "stopping": .yellow
    default: .blue
    }
  }
}
