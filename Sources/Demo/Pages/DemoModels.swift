import Console
import Foundation

/// The models of the demo's page and of its live parts.
enum DemoModels {
  /// The handshakes of the whole system, as every page shows them.
  static func strip(_ members: [SampleMember]) -> PageModel {
    let accepted = members.reduce(0) { $0 + $1.state.accepted }
    let refused = members.reduce(0) { $0 + $1.state.refused }
    return ["accepted": grouped(accepted), "refused": grouped(refused), "tone": refused == 0 ? "ok" : "error"]
  }

  /// A row of the table; the faults are buttons for whoever may arm them.
  static func member(_ member: SampleMember, armed: Set<Fault>, mayArm: Bool) -> PageModel {
    let state = member.state
    var model: PageModel = [
      "id": "member-\(member.sample.slug)", "name": member.name, "description": member.sample.description,
      "status": status(member), "port": member.port.map(String.init) ?? "–", "issuer": issuer(state.issuer),
      "accepted": grouped(state.accepted), "refused": grouped(state.refused),
      "mayArm": mayArm,
      "faults": Fault.allCases.map { fault in
        [
          "kind": fault.rawValue, "label": label(fault), "isArmed": armed.contains(fault), "path": "/demo/faults",
          "component": member.name,
        ] as PageModel
      },
    ]
    if let refusal = state.calls.filter({ $0.lastRefusal != nil }).max(by: isEarlier) {
      model["lastRefusal"] = "\(refusal.peer): \(refusal.lastRefusal ?? "")"
    }
    return model
  }

  private static func isEarlier(_ left: CallCount, _ right: CallCount) -> Bool {
    (left.lastRefusalAt ?? .distantPast) < (right.lastRefusalAt ?? .distantPast)
  }

  private static func status(_ member: SampleMember) -> PageModel {
    guard member.isRunning else { return Part.status("error", "Not running", title: member.status.words) }
    if let failure = member.state.reloadFailure { return Part.status("warn", "Kept its files", title: failure) }
    return member.state.fingerprint == nil
      ? Part.status("wait", "No certificate") : Part.status("ok", "Running")
  }

  private static func label(_ fault: Fault) -> String {
    switch fault {
    case .deploy: "Deployment"
    case .activation: "Activation"
    case .verification: "Verification"
    }
  }

  /// The common name of the issuer, which is all that tells the sample roots apart.
  private static func issuer(_ text: String?) -> String {
    guard let text else { return "–" }
    let name = text.split(separator: ",").first { $0.hasPrefix("CN=") }
    return name.map { String($0.dropFirst(3)) } ?? text
  }

  /// `12 345 678`, with narrow no-break spaces, which no reader takes for a decimal sign.
  static func grouped(_ number: Int) -> String {
    var text = ""
    for (index, digit) in String(number).reversed().enumerated() {
      if index > 0, index % 3 == 0 { text.append("\u{202F}") }
      text.append(digit)
    }
    return String(text.reversed())
  }
}
