import Foundation
import PKI
import Store

/// Holds this machine's clock against what is known: what was written down, certificates, and the time that has passed.
///
/// Nobody can tell from inside which of them is wrong, so the sentences name both.
struct ClockCheck: Sendable {
  /// What the clock says.
  let now: Date
  /// How far it was set since Reroot was started, in seconds; negative when it was set back.
  let setBy: TimeInterval
  /// What the store knows.
  let evidence: TimeEvidence
  /// The certificate that the console serves HTTPS with.
  let console: Certificate?
  /// The root of the current set.
  let root: (name: String, certificate: Certificate)?

  /// Less than this, in seconds, is no reason to doubt: clocks are corrected by so much.
  static let tolerance: TimeInterval = 300

  /// What can only be if the clock is wrong, or was wrong then.
  var contradictions: [String] {
    var found: [String] = []
    if let written = evidence.lastWrittenAt, written.timeIntervalSince(now) > Self.tolerance {
      found.append(
        "Reroot wrote something down at \(Display.moment(written)), which by this clock is still "
          + "\(Self.span(written.timeIntervalSince(now))) away.")
    }
    if let console, console.notBefore > now {
      found.append("The console’s own certificate begins to be valid only at \(Display.moment(console.notBefore)).")
    }
    if let root, root.certificate.notBefore > now {
      found.append(
        "The root certificate “\(VisibleText.of(root.name))” in force begins to be valid only at "
          + "\(Display.moment(root.certificate.notBefore)).")
    }
    return found
  }

  /// What has ended by this clock and that everything depends on.
  var endings: [String] {
    var found: [String] = []
    if let console, console.notAfter <= now {
      found.append(
        "The console’s own certificate ended at \(Display.moment(console.notAfter)); it is served all the same.")
    }
    if let root, root.certificate.notAfter <= now {
      found.append(
        "The root certificate “\(VisibleText.of(root.name))” in force ended at "
          + "\(Display.moment(root.certificate.notAfter)).")
    }
    if let ends = evidence.lastMemberEnds, ends <= now {
      found.append(
        evidence.memberCount == 1
          ? "The certificate of the one component in force ended at \(Display.moment(ends))."
          : "The certificates of all \(evidence.memberCount) components in force have ended, the last of them at "
            + "\(Display.moment(ends)).")
    }
    return found
  }

  /// That somebody, or something, has set the clock while Reroot ran; nil when nobody has.
  var jump: String? {
    guard abs(setBy) > Self.tolerance else { return nil }
    return "It was set \(setBy > 0 ? "forward" : "back") by \(Self.span(abs(setBy))) since Reroot was started."
  }

  /// The banner over every page; nil when clock and certificates agree.
  var banner: PageModel? {
    let (contradictions, endings) = (contradictions, endings)
    guard !contradictions.isEmpty || !endings.isEmpty else {
      return jump.map { jump in
        Part.banner(
          "note", "This machine’s clock was set",
          text: "\(jump) Now it is \(Display.moment(now)): check that this is right. If it is, nothing has to be done; "
            + "the next start of Reroot forgets it.")
      }
    }
    let title =
      contradictions.isEmpty
      ? "Certificates have expired, or this machine’s clock is wrong"
      : "This machine’s clock disagrees with what is known"
    let reasons = (jump.map { [$0] } ?? []) + contradictions + endings
    return Part.banner(
      "warn", title, text: "By this machine’s clock it is \(Display.moment(now)). \(advice(contradictions.isEmpty))",
      items: reasons.map { ["text": $0] })
  }

  private func advice(_ mayBeRight: Bool) -> String {
    mayBeRight
      ? "If the clock is wrong, set it right first. If it is right, an update with a root certificate that is valid "
        + "brings everything back."
      : "Set the clock right before anything is planned or started, or certificates are issued with the wrong dates."
  }

  /// A time span in words: `6 minutes`, `5 hours`, `400 days`.
  static func span(_ seconds: TimeInterval) -> String {
    let whole = min(max(0, seconds), 1e12)
    if whole < 7_200 { return Display.count(Int((whole / 60).rounded()), "minute") }
    if whole < 172_800 { return Display.count(Int((whole / 3_600).rounded()), "hour") }
    return Display.count(Int((whole / 86_400).rounded()), "day")
  }
}
