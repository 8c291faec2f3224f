import HTTP
import PKI
import Store

/// The setting that an update and an Abort take the agreement of a second person.
struct SecondPersonSetting: Sendable {
  let isOn: Bool
  /// The open request to switch it off.
  let request: Agreement?

  static let explanation =
    "Start, retirement and Abort take the agreement of another operator or administrator, to exactly the plan that was "
    + "read."

  static func read(_ store: Store) async throws -> SecondPersonSetting {
    SecondPersonSetting(
      isOn: try await store.isSecondPersonOn(),
      request: try await store.openAgreements().first { $0.subject == .switchOff })
  }

  /// Switches it on at once, and asks another administrator before it is off again: otherwise it would be worth nothing.
  ///
  /// - Parameter read: the settings that must not have been changed since; nil switches it whatever they are.
  /// - Returns: the request for that agreement; nil where it is done, or was so before.
  /// - Throws: `TOO_FEW_USERS`, `ASKED_ALREADY`, `CHANGED_MEANWHILE`.
  static func set(
    _ isOn: Bool, since read: SettingsDesk.Standing? = nil, _ visit: Visit
  ) async throws -> Agreement? {
    let store = visit.services.store
    guard !isOn else {
      try await visit.audit(.settingChanged, on: "second person", ["from": "off", "to": "on"]) {
        try await store.switchSecondPersonOn(expecting: read?.asRead)
      }
      return nil
    }
    let user = try visit.signedIn().user
    do {
      return try await visit.audit(.agreementAsked, on: "switching the second person off") {
        try await store.askToSwitchOff(by: user, expecting: read?.asRead)
      }
    } catch let error as StoreError where error.code == "NOT_NEEDED" {
      // It is off already, as wanted.
      return nil
    }
  }

  /// The same for the form of the page.
  static func change(_ request: Request, _ visit: Visit) async throws -> Response {
    let back = (label: "Back to the settings", href: "/settings")
    let wanted = request.form["second_person"]
    guard wanted == "on" || wanted == "off" else {
      throw PageError(400, "The form says neither on nor off. Nothing was changed.", back: back)
    }
    do {
      if let agreement = try await set(wanted == "on", visit) {
        return visit.redirect(to: AgreementRoutes.path(agreement.id))
      }
      return visit.redirect(
        to: "/settings",
        notice: wanted == "on" ? "From now on a second person has to agree." : "The second person is off.")
    } catch {
      throw PageError.refusal(error, back: back)
    }
  }

  var model: PageModel {
    var model: PageModel = [
      "status": isOn ? Part.status("ok", "On") : Part.status("off", "Off"), "explanation": Self.explanation,
      "value": isOn ? "off" : "on", "isOn": isOn,
      "label": isOn ? "Ask to switch it off" : "Switch it on",
      "hint": isOn
        ? "It is off once another administrator has agreed."
        : "It takes two operators or administrators with a password. To switch it off again takes a second administrator."
        ,
    ]
    if let request {
      model["request"] = Part.link(
        "\(VisibleText.of(request.askerName)) has asked to switch it off", AgreementRoutes.path(request.id))
    }
    return model
  }
}
