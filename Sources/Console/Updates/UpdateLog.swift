import Foundation
import Logging
import Rotation
import Store

/// What the log of the server says of an update: each line names the update, and the component where it concerns one.
struct UpdateLog: Sendable {
  private let logger: Logger

  /// A logger whose lines all name the update.
  static func logger(_ logger: Logger, of update: UpdateRecord.ID) -> Logger {
    var logger = logger
    logger[metadataKey: "update"] = "\(update)"
    return logger
  }

  /// - Parameters:
  ///   - logger: one that names the update.
  ///   - component: its name; nil for the console.
  init(logger: Logger, action: ActionID, attempt: Int, component: String?) {
    var logger = logger
    logger[metadataKey: "action"] = "\(action.kind.rawValue)"
    logger[metadataKey: "attempt"] = "\(attempt)"
    logger[metadataKey: "component"] = "\(component ?? "console")"
    self.logger = logger
  }

  /// The action begins.
  func begun() { logger.debug("action begun") }

  /// The action has ended. What a command wrote is on the page of the update: it may be long.
  ///
  /// - Returns: whether it succeeded.
  func ended(_ event: Event, after duration: Duration) -> Bool {
    let seconds = String(format: "%.3f", duration / .seconds(1))
    guard case .actionFailed(_, _, let failure) = event else {
      logger.info("action succeeded", metadata: ["seconds": "\(seconds)"])
      return true
    }
    logger.warning(
      "action failed",
      metadata: ["seconds": "\(seconds)", "code": "\(failure.code)", "reason": "\(failure.sentence)"])
    return false
  }
}

/// What an act is done to, as the log names it everywhere, so that one search finds every line of an update or a component.
enum LogSubject {
  static func of(_ act: AuditAct) -> Logger.Metadata {
    guard let subject = act.subject else { return [:] }
    switch act.event {
    case .componentAdded, .componentChanged, .componentRemoved, .connectionTested:
      return ["component": .string(subject)]
    case .updateStarted, .updateDecided:
      // As the audit log calls it.
      let words = subject.split(separator: " ")
      return words.count == 2 && words[0] == "update" ? ["update": .string(String(words[1]))] : [:]
    default: return [:]
    }
  }
}
