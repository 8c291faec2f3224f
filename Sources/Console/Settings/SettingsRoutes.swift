import Foundation
import HTTP
import Rotation
import Store

extension ConsoleRouter {
  /// The settings of the console.
  mutating func addSettingsRoutes() {
    on(.get, "/settings", for: .viewer) { _, _, visit in
      try await SettingsPage(standing: try await SettingsDesk.standing(visit.services)).response(visit)
    }
    on(.post, "/settings/second-person", for: .administrator(to: "change the settings")) { request, _, visit in
      try await SecondPersonSetting.change(request, visit)
    }
    on(.post, "/settings/second-factor", for: .administrator(to: "change the settings")) { request, _, visit in
      try await SecondFactorSetting.change(request, visit)
    }
    on(.post, "/settings", for: .administrator(to: "change the settings")) { request, _, visit in
      var given: [String: String] = [:]
      for setting in PlainSetting.all { given[setting.key] = request.form[setting.key] }
      do {
        try await SettingsDesk.change(given, visit)
      } catch let refusal as InputRefusal {
        return try await SettingsPage(
          standing: try await SettingsDesk.standing(visit.services), given: given, problems: refusal.problems
        ).response(visit)
      }
      return visit.redirect(
        to: "/settings", notice: "The settings were saved. Those of updates hold from the next one on.")
    }
  }
}

/// The page of the settings.
struct SettingsPage {
  let standing: SettingsDesk.Standing
  /// What was typed, by the settings' keys.
  var given: [String: String] = [:]
  var problems: [InputProblem] = []

  func response(_ visit: Visit) async throws -> Response {
    let second = try await SecondPersonSetting.read(visit.services.store)
    let factor = try await SecondFactorSetting.read(visit)
    var model: PageModel = ["header": Part.header("Settings")]
    if visit.may(.administrator) {
      model["header"] = Part.header("Settings", more: [(label: "Notifications", href: NotificationPages.path)])
      model["banner"] = try await NotificationPages.banner(visit.services.store)
      model["form"] =
        [
          "path": "/settings", "groups": PlainSetting.sections.map(group),
          "buttons": Part.buttons("Save"),
        ] as PageModel
      (model["second"], model["factor"]) = (second.model, factor.model)
    } else {
      model["header"] = Part.header("Settings", lead: "Administrators may change them.")
      model["facts"] = facts(second, factor)
    }
    if !problems.isEmpty { model["banner"] = Part.errors(problems.map { ($0.field, $0.sentence) }) }
    return try visit.page("settings", model, status: problems.isEmpty ? 200 : 422)
  }

  /// For whoever may only look.
  private func facts(_ second: SecondPersonSetting, _ factor: SecondFactorSetting) -> PageModel {
    Part.definitions(
      PlainSetting.all.map { setting in
        var value = standing.value(setting)
        if setting.key == ProxySettings.rangesKey {
          value = (standing.givenProxies.map(\.description) + [value]).filter { !$0.isEmpty }.joined(separator: "\n")
        }
        return Part.row(setting.label, setting.shown(value), note: setting.hint)
      } + [
        Part.row("Second person", second.isOn ? "On" : "Off", note: SecondPersonSetting.explanation),
        Part.row("Second factor", factor.isOn ? "Required" : "Not required", note: SecondFactorSetting.explanation),
      ])
  }

  private func group(_ legend: String, _ settings: [PlainSetting]) -> PageModel {
    ["legend": legend, "fields": settings.map { field($0).fields }]
  }

  private func field(_ setting: PlainSetting) -> FieldPart {
    var hint = ""
    if setting.key == ProxySettings.rangesKey, !standing.givenProxies.isEmpty {
      hint = " Besides, since the start of the server: \(Display.list(standing.givenProxies.map(\.description)))."
    }
    return setting.field(
      given[setting.key] ?? standing.value(setting), more: hint,
      problem: problems.first { $0.field == setting.key }?.sentence)
  }
}
