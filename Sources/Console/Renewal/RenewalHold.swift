import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Why a renewal that is due was not started, for administrators.
struct RenewalHold: Error, Sendable, Hashable {
  /// A stable word for programs.
  let code: String
  /// What is in the way and what to do.
  let sentence: String
  /// The page where one can see to it.
  let path: String

  init(code: String, _ sentence: String, path: String = "/updates") {
    self.code = code
    self.sentence = sentence
    self.path = path
  }

  /// What is told to those who want to know, once for an attempt.
  func message(_ attempt: RenewalRecord.ID) -> NotificationMessage {
    NotificationMessage(
      .renewalHeld, subject: "The certificates are due to be renewed, and nothing was started",
      text: "\(sentence) It is tried again in the next maintenance window or, without windows, a day later.",
      path: path,
      key: "renewal:\(attempt)")
  }

  /// Whatever else went wrong.
  init(_ error: any Error) {
    switch error {
    case let hold as RenewalHold: self = hold
    case let refusal as UpdateRefusal: self.init(code: refusal.code, refusal.sentence)
    case let error as StoreError: self.init(code: error.code, error.sentence)
    default:
      let failure = Failure(describing: error)
      self.init(code: failure.code, "\(failure.sentence) \(failure.advice)")
    }
  }
}
