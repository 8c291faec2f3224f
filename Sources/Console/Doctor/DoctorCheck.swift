import Foundation
import PKI
import Rotation

/// One thing that the doctor looked at, and what to do about it.
public struct DoctorCheck: Sendable, Hashable, Codable {
  /// What was looked at: a stable word or two, then whatever tells it from others of its kind.
  public var name: String
  /// How it is.
  public var state: State
  /// What was found.
  public var sentence: String
  /// What to do; nil where nothing has to be done.
  public var advice: String?

  /// How something is.
  public enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// As it should be.
    case ok = "OK"
    /// It works, and will not do so for ever.
    case warn = "WARN"
    /// It does not work, or an update would fail over it.
    case fail = "FAIL"
  }

  static func ok(_ name: String, _ sentence: String) -> DoctorCheck {
    DoctorCheck(name: name, state: .ok, sentence: sentence)
  }

  static func warn(_ name: String, _ sentence: String, _ advice: String) -> DoctorCheck {
    DoctorCheck(name: name, state: .warn, sentence: sentence, advice: advice)
  }

  static func fail(_ name: String, _ sentence: String, _ advice: String) -> DoctorCheck {
    DoctorCheck(name: name, state: .fail, sentence: sentence, advice: advice)
  }

  /// What could not be looked at, since something threw.
  static func failed(_ name: String, _ error: any Error, _ advice: String) -> DoctorCheck {
    fail(name, Failure(describing: error).sentence, advice)
  }
}

/// Everything that the doctor looked at.
public struct DoctorReport: Sendable, Hashable {
  /// The checks, in the order of the examination.
  public var checks: [DoctorCheck]

  /// The worst of all.
  public var state: DoctorCheck.State {
    let found = Set(checks.map(\.state))
    return found.contains(.fail) ? .fail : found.contains(.warn) ? .warn : .ok
  }

  /// The exit status of `reroot doctor`: 0, 1 or 2.
  public var status: Int32 {
    switch state {
    case .ok: 0
    case .warn: 1
    case .fail: 2
    }
  }

  /// One line a check, and nothing in it that could be taken for another one.
  public var text: String {
    checks.map { check in
      let state = check.state.rawValue.padding(toLength: 4, withPad: " ", startingAt: 0)
      let advice = check.advice.map { " " + $0 } ?? ""
      return VisibleText.of("\(state)  \(check.name): \(check.sentence)\(advice)", limit: 2_000)
    }.joined(separator: "\n")
  }

  /// One JSON object: `{"checks": [{"advice", "name", "sentence", "state"}], "state"}`.
  public func json() throws -> String {
    struct Whole: Encodable {
      let checks: [DoctorCheck]
      let state: DoctorCheck.State
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(Whole(checks: checks, state: state)), as: UTF8.self)
  }
}
