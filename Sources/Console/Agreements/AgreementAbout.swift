import PKI
import Rotation
import Store

/// What a request for an agreement is about, in words and links.
struct AgreementAbout: Sendable {
  /// The act: "start the update to New root".
  let act: String
  /// Where one reads what would happen; nil where there is nothing more to read.
  let reading: (label: String, href: String)?

  static func read(_ agreement: Agreement, _ store: Store) async throws -> AgreementAbout {
    switch agreement.subject {
    case .start(let id, _):
      // A plan that nobody has started is forgotten after a day.
      guard let plan = try? await store.plan(id) else {
        return AgreementAbout(act: "start an update with plan \(id)", reading: nil)
      }
      let act =
        plan.retires.map { "retire the root \(VisibleText.of($0.name))" }
        ?? "start the update to \(VisibleText.of(plan.root.name))"
      return AgreementAbout(act: act, reading: ("Read plan \(id)", "/plans/\(id)"))
    case .abort(let id, _, _):
      return AgreementAbout(act: "abort update \(id)", reading: ("Look at update \(id)", "/updates/\(id)"))
    case .switchOff:
      return AgreementAbout(
        act: "switch off the setting “Second person”", reading: ("See the settings", "/settings"))
    }
  }

  /// What the request says on every page of whoever could answer it.
  static func summary(_ agreement: Agreement) -> String {
    let what =
      switch agreement.subject {
      case .start(let plan, _): "start plan \(plan)"
      case .abort(let update, _, _): "abort update \(update)"
      case .switchOff: "switch off the second person"
      }
    return "\(VisibleText.of(agreement.askerName)) asks for your agreement to \(what)"
  }
}
