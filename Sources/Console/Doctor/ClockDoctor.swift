import Foundation
import Store

/// Whether the clock agrees with what was written down by it, and with the certificates in force.
struct ClockDoctor: Sendable {
  let folder: FolderExamination
  let store: Store
  let clock: @Sendable () -> Date

  /// Holds the clock against what the pages hold it against, and against what the file system dated.
  func check() async throws -> DoctorCheck {
    let now = clock()
    let root = try await store.rootInForce()
    let check = ClockCheck(
      now: now, setBy: 0, evidence: try await store.timeEvidence(), console: try await store.httpsChain()?.chain.first,
      root: root.map { ($0.name, $0.certificate) })
    var found = check.contradictions
    if let changed = folder.newestChange(), changed.timeIntervalSince(now) > ClockCheck.tolerance {
      found.append("The file system dated a change \(Display.moment(changed)).")
    }
    guard found.isEmpty else {
      return .fail(
        "clock", "It says \(Display.moment(now)). " + found.joined(separator: " "),
        "Set the clock, and see to it that it is kept right (NTP): certificates are judged, and issued, by it.")
    }
    return .ok("clock", "\(Display.moment(now)), after everything that was recorded.")
  }
}
