import HTTP
import Store

/// The setting that everybody must have a second factor.
struct SecondFactorSetting: Sendable {
  let isOn: Bool
  /// Whether whoever looks has one.
  let hasOne: Bool
  /// How many users have none.
  let without: Int

  static let explanation =
    "Whoever has none sets one up before anything else is shown. It holds at once, also for those who are signed in, and "
    + "their tokens open nothing until then."

  static func read(_ visit: Visit) async throws -> SecondFactorSetting {
    let store = visit.services.store
    let factors = try await store.usersWithSecondFactor()
    return SecondFactorSetting(
      isOn: try await store.isSecondFactorRequired(), hasOne: factors.contains(try visit.signedIn().user),
      without: try await store.users().count { !factors.contains($0.id) })
  }

  /// Switches it, and ends the streams of those who must set one up now.
  ///
  /// - Parameter read: the settings that must not have been changed since; nil switches it whatever they are.
  /// - Throws: `NO_SECOND_FACTOR` for whoever has none and wants one of everybody; `CHANGED_MEANWHILE`.
  static func set(_ isRequired: Bool, since read: SettingsDesk.Standing? = nil, _ visit: Visit) async throws {
    let store = visit.services.store
    guard try await store.isSecondFactorRequired() != isRequired else { return }
    let user = try visit.signedIn().user
    try await visit.audit(
      .settingChanged, on: "second factor of everybody",
      ["from": isRequired ? "off" : "on", "to": isRequired ? "on" : "off"]
    ) { try await store.requireSecondFactor(isRequired, by: user, expecting: read?.asRead) }
    visit.services.sessionStreams.end(allBut: try await visit.services.openCredentials())
  }

  /// The same for the form of the page.
  static func change(_ request: Request, _ visit: Visit) async throws -> Response {
    let wanted = request.form["second_factor"]
    guard wanted == "on" || wanted == "off" else {
      throw PageError(
        400, "The form says neither on nor off. Nothing was changed.",
        back: (label: "Back to the settings", href: "/settings"))
    }
    do {
      try await set(wanted == "on", visit)
    } catch let error as StoreError where error.code == "NO_SECOND_FACTOR" {
      throw PageError.refusal(error, back: (label: "Open Account", href: "/account"))
    }
    return visit.redirect(
      to: "/settings",
      notice: wanted == "on" ? "From now on everybody needs a second factor." : "A second factor is up to each.")
  }

  var model: PageModel {
    [
      "status": isOn ? Part.status("ok", "Required") : Part.status("off", "Not required"),
      "explanation": Self.explanation, "value": isOn ? "off" : "on", "mayChange": isOn || hasOne,
      "label": isOn ? "Require it no more" : "Require it of everybody", "hint": hint,
    ]
  }

  private var hint: String {
    if isOn { return "Those who have one keep it." }
    if !hasOne { return "Set up your own on the page Account first." }
    return without == 0
      ? "Everybody has one already."
      : "\(Display.count(without, "user has", "users have")) none yet, as the page Users shows."
  }
}
