import HTTP
import PKI
import Rotation
import Store

extension ConsoleRouter {
  /// Where notifications go, and a test of each way.
  mutating func addNotificationRoutes() {
    let access = RouteAccess.administrator(to: "change the notifications")
    on(.get, NotificationPages.path, for: access) { _, _, visit in try await NotificationPages.show(.init(), visit) }
    on(.post, NotificationPages.path, for: access) { request, _, visit in
      var given: [String: String] = [:]
      for setting in NotificationSettings.plain { given[setting.key] = setting.given(request.form) }
      var secrets: [String: SecretBytes?] = [:]
      for setting in [NotificationSettings.webhookSecret, NotificationSettings.smtpPassword] {
        let text = request.form[setting.key] ?? ""
        // An empty field keeps the secret.
        if !text.isEmpty { secrets[setting.key] = SecretBytes(utf8: text) }
      }
      // Where nothing is sent, it does not matter what would be, and what was chosen stays.
      let unticked = NotificationSettings.kinds.filter { given[$0.kinds.key] == nil }
      let wrong = unticked.filter { given[$0.address.key]?.contains { !$0.isWhitespace } == true }.map {
        InputProblem(
          field: $0.kinds.key, sentence: "Choose one or more; to send nothing there, give no address.")
      }
      do {
        try await NotificationChange.save(given, secrets: secrets, beside: wrong, visit)
      } catch let refusal as InputRefusal {
        let boxes = Set(unticked.map(\.kinds.key))
        return try await NotificationPages.show(
          .init(values: given, unticked: boxes, problems: refusal.problems), visit)
      }
      return visit.redirect(to: NotificationPages.path, notice: "The notifications were saved.")
    }
    on(.post, NotificationPages.path + "/tests", for: access) { request, _, visit in
      guard let channel = request.form["channel"].flatMap(NotificationChannel.init) else {
        throw PageError(
          400, "The form names no way. Nothing was sent.",
          back: (label: "Back to the notifications", href: NotificationPages.path))
      }
      let record = try await visit.services.notifications.test(channel, by: visit.signedIn().name)
      guard record.ending == .sent else {
        return try await NotificationPages.show(.init(failedTest: record), visit)
      }
      return visit.redirect(to: NotificationPages.path, notice: "The test was taken over \(channel.label).")
    }
  }
}
