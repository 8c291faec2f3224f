import ArgumentParser
import Console
import Delivery
import Demo
import Foundation
import HTTP
import PKI
import Store

/// Ends a command with a sentence on standard error and an exit status, 1 unless the command has another use for that; never
/// with a trace.
enum Complaint {
  /// Writes what the error says of itself, and throws the exit status. Throws other kinds of error as they are: those are
  /// the argument parser's own.
  static func end(_ error: any Error, status: Int32 = 1) throws -> Never {
    guard let sentence = sentence(error) else { throw error }
    Output.error("reroot: \(sentence)")
    throw ExitCode((error as? CommandFailure)?.status.rawValue ?? status)
  }

  /// Runs a command to its end, whatever that is.
  static func ending(_ body: () async throws -> Void) async throws {
    do {
      try await body()
    } catch {
      try end(error)
    }
  }

  private static func sentence(_ error: any Error) -> String? {
    switch error {
    case let failure as CommandFailure: failure.sentence
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
