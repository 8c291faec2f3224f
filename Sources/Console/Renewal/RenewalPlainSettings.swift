import Foundation
import Rotation

extension PlainSetting {
  /// When child certificates are renewed by themselves.
  static let renewal = PlainSetting(
    key: RenewalSettings.leadKey, member: "renewal", label: "Renewal",
    hint: "How long before their end child certificates are renewed under the same root, by an update of its own: off, "
      + "a number of days such as 30 days, or the share of their life that is left then, such as 33 percent.",
    kind: .text { text in
      RenewalLead(text).map { .success($0.description) }
        ?? problem(RenewalSettings.leadKey, RenewalSettings.problem(lead: text))
    }, initial: RenewalLead.off.description)

  /// When a renewal may be begun.
  static let maintenanceWindows = PlainSetting(
    key: RenewalSettings.windowsKey, member: "maintenanceWindows", label: "Maintenance windows",
    hint: "When a renewal may be begun, one to a line, such as Mon-Fri 22:00-04:00, Sat,Sun 00:00-24:00 or daily "
      + "03:00-05:00. Without any it may be begun at any time.",
    kind: .lines { text in
      let lines = text.split(whereSeparator: \.isNewline).filter { !$0.allSatisfy(\.isWhitespace) }
      guard let sentence = RenewalSettings.problem(windows: text) else {
        return .success(lines.joined(separator: "\n"))
      }
      return problem(RenewalSettings.windowsKey, sentence)
    }, initial: "")

  /// Whose clock the windows go by.
  static let maintenanceZone = PlainSetting(
    key: RenewalSettings.zoneKey, member: "maintenanceTimeZone", label: "Time zone of the windows",
    hint: "By its name, such as Europe/Berlin or UTC. Without one it is that of this machine, "
      + "\(TimeZone.current.identifier).",
    kind: .text { text in
      RenewalSettings.problem(zone: text).map { problem(RenewalSettings.zoneKey, $0) } ?? .success(text)
    }, initial: "")

  private static func problem(_ field: String, _ sentence: String?) -> Result<String, InputProblem> {
    .failure(InputProblem(field: field, sentence: sentence ?? "This value cannot be used."))
  }
}
