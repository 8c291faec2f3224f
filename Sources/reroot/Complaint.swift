import ArgumentParser
import Console
import Delivery
import Demo
import Foundation
import HTTP
import PKI
import Store

/// Ends a command with a sentence on standard error and the exit status 1, never with a trace.
enum Complaint {
  /// Writes what the error says of itself, and throws the exit status. Throws other kinds of error as they are: those are
  /// the argument parser's own.
  static func end(_ error: any Error) throws -> Never {
    guard let sentence = sentence(error) else { throw error }
    Output.error("reroot: \(sentence)")
    throw ExitCode(1)
  }

  private static func sentence(_ error: any Error) -> String? {
    switch error {
    case let error as ConsoleError: error.sentence
    case let error as StoreError: error.sentence
    case let error as PKIError: error.sentence
    case let error as ServerError: error.sentence
    case let failure as SampleFailure: failure.sentence
    case let failure as DeliveryFailure: "\(failure.failure.sentence) \(failure.failure.advice)"
    case let refusal as YAMLRefusal: refusal.problems.map(\.description).joined(separator: "\n        ")
    case is ExitCode, is CleanExit, is ValidationError: nil
    default: "Something unexpected went wrong (\(type(of: error)): \(error.localizedDescription))."
    }
  }
}
