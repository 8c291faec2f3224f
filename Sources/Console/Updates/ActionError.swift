import Delivery
import PKI
import Rotation
import Store

/// A failure of an action that arises in the console itself.
struct ActionError: Error {
  var code: String
  var sentence: String
  var advice = "Retry; if it fails again, Abort and make a new plan."
}

extension Failure {
  /// Reads a failure out of whatever an action threw; nothing that was thrown is lost, and no secret is in it.
  init(describing error: any Error) {
    switch error {
    case let error as DeliveryFailure:
      self = error.failure
    case let error as ActionError:
      self.init(code: error.code, sentence: error.sentence, advice: error.advice)
    case let error as PKIError:
      self.init(
        code: error.code, sentence: error.sentence,
        advice: "Correct what the sentence names, then Retry.", output: error.detail)
    case let error as StoreError:
      self.init(
        code: error.code, sentence: error.sentence, advice: "See to the data folder of Reroot, then Retry.")
    default:
      self.init(
        code: "UNEXPECTED", sentence: "Something unexpected happened: \(error).",
        advice: "Retry; if it fails again, Abort and look into Reroot's log.")
    }
  }
}
