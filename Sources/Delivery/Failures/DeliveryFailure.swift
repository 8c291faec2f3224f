import Foundation
import PKI
import Rotation

/// Why something could not be done at a component's target or endpoint. Holds no secret.
public struct DeliveryFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// Code, sentence, advice and output, as the journal and the pages show them.
  public var failure: Failure

  /// Wraps a failure.
  public init(_ failure: Failure) {
    self.failure = failure
  }

  /// Describes what happened, to which path, program or endpoint, and what to do about it.
  public init(code: String, sentence: String, advice: String, output: String = "") {
    failure = Failure(code: code, sentence: sentence, advice: advice, output: output)
  }

  /// The word for programs.
  public var code: String { failure.code }

  /// The sentence and the advice.
  public var description: String { "\(failure.code): \(failure.sentence) \(failure.advice)" }

  /// Whatever was thrown, as a failure: a failure of this room as it is, an error of PKI in its own words.
  public init(_ error: any Error, doing task: String) {
    switch error {
    case let failure as DeliveryFailure: self = failure
    case let error as PKIError:
      self.init(
        code: error.code, sentence: "\(task) failed: \(error.sentence)",
        advice: "Correct what the sentence names, then try again.")
    case is CancellationError:
      self.init(
        code: "CANCELLED", sentence: "\(task) was given up because the program is being ended.",
        advice: "Start the program again; the update is found where it stood.")
    default:
      self.init(
        code: "UNEXPECTED", sentence: "\(task) failed in a way that nobody foresaw (\(type(of: error))).",
        advice: "Try again; if it goes on, look into the log of the machine.")
    }
  }
}
