import Delivery
import HTTP
import PKI
import Rotation
import Store

/// A failure of an action that arises in the console itself.
struct ActionError: Error {
  var code: String
  var sentence: String
  var advice = "Retry; if it fails again, Abort and make a new plan."
  /// What a command had written.
  var output = ""
}

extension Failure {
  /// Reads a failure out of whatever an action threw; no secret is in it.
  init(describing error: any Error) {
    switch error {
    case let error as DeliveryFailure:
      self = error.failure
    case let error as ActionError:
      self.init(code: error.code, sentence: error.sentence, advice: error.advice, output: error.output)
    case let error as PKIError:
      self.init(
        code: error.code, sentence: error.sentence, advice: "Correct what the sentence names, then Retry.",
        output: error.detail)
    case let error as StoreError:
      self.init(
        code: error.code, sentence: error.sentence, advice: "See to the data folder of Reroot, then Retry.")
    case let error as ServerError:
      self.init(
        code: error.code.rawValue, sentence: error.sentence,
        advice: "The console goes on serving its former certificate. Choose another one, or Override.")
    default:
      // The type only: a foreign error's text may hold a value.
      self.init(
        code: "UNEXPECTED", sentence: "Something unexpected happened (\(type(of: error))).",
        advice: "Retry; if it fails again, Abort and look into Reroot's log.")
    }
  }
}
