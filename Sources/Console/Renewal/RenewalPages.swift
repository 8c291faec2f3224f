import Foundation
import Rotation
import Store

/// What the page of the updates says of renewals.
extension RenewalDesk {
  /// A banner about what waits or is in the way; nil when there is nothing to say.
  func banner() async throws -> PageModel? {
    switch try await standing() {
    case .off, .nothing: return nil
    case .unreadable(let hold): return Part.banner("warn", "Nothing is renewed", text: hold.sentence)
    case .notDue(let date):
      return Part.banner(
        "note", "Certificates are renewed by themselves",
        text: "The next renewal is due at \(Display.moment(date)), under the root certificate in force.")
    case .due(let since):
      return Part.banner("note", "A renewal begins", text: "It is due since \(Display.moment(since)).")
    case .waits(let since, let reason):
      let due = "It is due since \(Display.moment(since)). \(reason)"
      guard let hold = try await hold(since) else { return Part.banner("note", "A renewal waits", text: due) }
      return Part.banner("warn", "A renewal was not started", text: "\(hold) \(due)")
    }
  }
}
