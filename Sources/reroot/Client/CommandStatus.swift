import Foundation

/// With which status a command ends, for whoever calls it from a script. One list for the help, the manual and the README.
///
/// 64 and 69 are those of sysexits(3); the small ones are each command's own (`doctor`, `audit verify`, `inspect`).
enum CommandStatus: Int32, CaseIterable, Sendable {
  /// It is done; of an update: completed.
  case done = 0
  /// Something else went wrong.
  case failed = 1
  case completedWithErrors = 10
  /// The update has stopped and waits for a decision, or for somebody else to agree.
  case waiting = 11
  case rolledBack = 12
  case rolledBackWithErrors = 13
  /// The server has refused what was asked for; nothing was changed.
  case refused = 14
  /// Wrong usage (EX_USAGE), which the argument parser ends with, too.
  case usage = 64
  /// No connection to the server, or to none that can be trusted (EX_UNAVAILABLE).
  case notConnected = 69

  /// Whether it says how an update stands.
  var isOfUpdate: Bool { [.completedWithErrors, .waiting, .rolledBack, .rolledBackWithErrors].contains(self) }

  /// What it means, for people.
  var meaning: String {
    switch self {
    case .done: "done; of an update: completed"
    case .failed: "something else went wrong; the sentence on standard error says what"
    case .completedWithErrors: "the update is completed, with errors"
    case .waiting: "the update waits for a decision, or for somebody else to agree"
    case .rolledBack: "the update was rolled back"
    case .rolledBackWithErrors: "the update was rolled back, with errors"
    case .refused: "the server has refused it, and nothing was changed"
    case .usage: "wrong usage: an option, a file or a value on the command line"
    case .notConnected: "no connection to the server, or its certificate is not trusted"
    }
  }

  /// How a command ends that has watched an update until it stood so; nil while it goes on.
  init?(standing: String) {
    switch standing {
    case "completed": self = .done
    case "completedWithErrors": self = .completedWithErrors
    case "rolledBack": self = .rolledBack
    case "rolledBackWithErrors": self = .rolledBackWithErrors
    case "deciding": self = .waiting
    default: return nil
    }
  }

  /// The table, a line a status.
  static var table: String {
    allCases.map { status in
      let number = String(status.rawValue)
      return String(repeating: " ", count: max(0, 4 - number.count)) + "\(number)  \(status.meaning)"
    }
    .joined(separator: "\n")
  }
}

/// Why a command cannot do what it was asked for, in a sentence for a person, with the status that it ends with.
struct CommandFailure: Error, Sendable, Hashable {
  /// A stable word.
  let code: String
  /// What happened, to what, and what to do next.
  let sentence: String
  let status: CommandStatus

  /// Whether the certificate of the server was refused.
  var isOfCertificate: Bool { code == "OTHER_CERTIFICATE" || code.hasPrefix("CHAIN_") }

  init(_ status: CommandStatus, _ code: String, _ sentence: String) {
    self.status = status
    self.code = code
    self.sentence = sentence
  }
}
