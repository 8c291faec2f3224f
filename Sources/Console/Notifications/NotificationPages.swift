import Foundation
import HTTP
import PKI
import Rotation
import Store

/// The page that says where notifications go, and what became of them.
enum NotificationPages {
  static let path = "/settings/notifications"
  private static let shown = 50

  /// What was typed, and what is wrong with it. No secret.
  struct Given {
    var values: [String: String] = [:]
    /// The settings of which no box was ticked.
    var unticked: Set<String> = []
    var problems: [InputProblem] = []
    /// A test that was just tried in vain.
    var failedTest: NotificationRecord?
  }

  static func show(_ given: Given, _ visit: Visit) async throws -> Response {
    let store = visit.services.store
    let settings = try await NotificationSettings.read(store)
    var model: PageModel = [
      "section": "/settings",
      "header": Part.header(
        "Notifications", breadcrumbs: [(label: "Settings", href: "/settings")],
        lead: "A failure that waits for a decision, the end of an update, the end of a certificate, an endpoint that "
          + "differs: told to people and programs, and tried again for three days."),
      "form": [
        "path": path, "groups": groups(settings, given), "buttons": Part.buttons("Save", cancel: "/settings"),
      ] as PageModel,
      "testPath": "\(path)/tests",
      "tests": settings.channels.map { channel in
        ["channel": channel.rawValue, "label": "Send a test over \(channel.label)", "id": "test-\(channel.rawValue)"]
          as PageModel
      },
    ]
    if let test = given.failedTest {
      model["banner"] = Part.banner(
        "error", "The test over \(test.channel.label) has not arrived", text: test.problem, role: "alert")
    } else {
      model["banner"] =
        given.problems.isEmpty
        ? try await banner(store) : Part.errors(given.problems.map { ($0.field, $0.sentence) })
    }
    let (some, total) = try await store.notifications(limit: shown)
    if !some.isEmpty {
      model["sent"] =
        [
          "title": total > shown ? "The last \(shown) of \(total)" : "Until now",
          "table": Part.table(
            "Notifications", columns: ["What", "Over", "When", "State"], rows: some.map { (row($0), nil) }),
        ] as PageModel
    }
    return try visit.page("notifications", model, status: given.problems.isEmpty ? 200 : 422)
  }

  /// What every administrator should see: notifications do not arrive. Nil while they do.
  static func banner(_ store: Store) async throws -> PageModel? {
    let (count, last) = try await store.failingNotifications()
    guard let last else { return nil }
    var banner = Part.banner(
      "warn", "\(Display.count(count, "notification has", "notifications have")) not arrived",
      text: "The last attempt over \(last.channel.label) failed: \(last.problem ?? "")")
    banner["more"] = Part.link("Open the notifications", path)
    return banner
  }

  private static func groups(_ settings: NotificationSettings, _ given: Given) -> [PageModel] {
    func problem(_ key: String) -> String? { given.problems.first { $0.field == key }?.sentence }
    func plain(_ setting: PlainSetting) -> FieldPart {
      let value = given.unticked.contains(setting.key) ? nil : given.values[setting.key] ?? settings.value(setting)
      return setting.field(value, problem: problem(setting.key))
    }
    func secret(_ setting: SecretSetting) -> FieldPart {
      FieldPart.input(setting.key, setting.label, type: "password", hint: setting.hint, error: problem(setting.key))
        .attributes(["autocomplete": "off"]).note(settings.secrets.contains(setting.key) ? "One is set." : nil).optional
    }
    let groups: [(legend: String, fields: [FieldPart])] = [
      (
        "Webhook",
        [plain(.webhookAddress), secret(NotificationSettings.webhookSecret), plain(.webhookKinds)]
      ),
      (
        "E-mail",
        [
          plain(.emailTo), plain(.emailFrom), plain(.smtpServer), plain(.smtpUser),
          secret(NotificationSettings.smtpPassword), plain(.emailKinds),
        ]
      ),
      ("Links", [plain(.consoleAddress)]),
    ]
    return groups.map { ["legend": $0.legend, "fields": $0.fields.map(\.fields)] }
  }

  private static func row(_ record: NotificationRecord) -> [PageModel] {
    let subject = VisibleText.of(record.notification.subject, limit: 200)
    let problem = record.problem.map { VisibleText.of($0, limit: 400) }
    let state: PageModel
    switch record.ending {
    case .sent?: state = Part.cell(status: Part.status("ok", "Sent"))
    case .givenUp?: state = Part.cell(status: Part.status("error", "Given up"), note: problem ?? "Not wanted any more")
    case nil:
      let next = record.dueAt.map { " Tried again on \(Display.moment($0))." } ?? ""
      state = Part.cell(
        status: problem == nil ? Part.status("wait", "Waits") : Part.status("warn", "Failed"),
        note: problem.map { $0 + next })
    }
    return [
      Part.cell(subject, href: record.notification.path, isHeading: true), Part.cell(record.channel.label),
      Part.cell(Display.moment(record.madeAt)), state,
    ]
  }
}
