import PKI
import Store

/// Changes where notifications go, by whichever way it was asked for: the page, the API.
enum NotificationChange {
  /// Keeps all that was given, or nothing.
  ///
  /// - Parameters:
  ///   - given: what was typed, by the settings' keys; what is not given stays.
  ///   - secrets: new secrets by their settings' keys, nil for none any more; what is not given stays.
  ///   - found: what is wrong with what was given already, so that all of it is told at once.
  ///   - read: the settings that must not have been changed since; nil changes whatever they are.
  /// - Throws: ``InputRefusal`` by the settings' keys, `CHANGED_MEANWHILE`.
  static func save(
    _ given: [String: String], secrets: [String: SecretBytes?], beside found: [InputProblem] = [],
    since read: NotificationSettings? = nil, _ visit: Visit
  ) async throws {
    let services = visit.services
    let former: NotificationSettings
    if let read { former = read } else { former = try await NotificationSettings.read(services.store) }
    var values: [String: String] = [:]
    var problems = found
    var changes: [Store.SettingChange] = []
    for setting in NotificationSettings.plain {
      values[setting.key] = former.value(setting)
      guard let text = given[setting.key] else { continue }
      switch setting.checked(text) {
      case .failure(let problem): problems.append(problem)
      case .success(let value):
        values[setting.key] = value
        guard let change = setting.change(from: former.value(setting), to: value, visit) else { continue }
        changes.append(change)
      }
    }
    var (known, secrets) = (former.secrets, secrets)
    for key in unneeded(former, values) where secrets[key] == nil { secrets[key] = .some(nil) }
    for setting in [NotificationSettings.webhookSecret, NotificationSettings.smtpPassword] {
      guard let secret = secrets[setting.key] else { continue }
      if let secret, !setting.isGood(secret) {
        problems.append(InputProblem(field: setting.key, sentence: setting.refusal))
        continue
      }
      guard secret != nil || known.contains(setting.key) else { continue }
      if secret == nil { known.remove(setting.key) } else { known.insert(setting.key) }
      // Never what it is, nor was.
      let act = visit.act(
        .settingChanged, on: setting.label.lowercased(), ["to": secret == nil ? "none" : "another one"])
      changes.append(.init(setting.key, toSecret: secret, act))
    }
    problems += missing(values, known)
    if isOfAnotherServer(former, values), secrets[NotificationSettings.smtpPassword.key] == nil {
      problems.append(
        InputProblem(
          field: NotificationSettings.smtpPassword.key,
          sentence: "Give the password again: the one that is kept is for the former mail server."))
    }
    guard problems.isEmpty else { throw InputRefusal(problems) }
    let last = try await services.store.lastAuditNumber()
    try await services.store.set(changes, expecting: read.map { $0.expectation })
    for change in changes { visit.log(change.act) }
    if former.channels.isEmpty { try await services.notifications.follow(from: last) }
    await services.notifications.settingsChanged()
  }

  /// The secrets that go with what they were for.
  private static func unneeded(_ former: NotificationSettings, _ values: [String: String]) -> [String] {
    func isRemoved(_ setting: PlainSetting) -> Bool { !former.value(setting).isEmpty && values[setting.key] == "" }
    var keys: [String] = []
    if isRemoved(.webhookAddress) { keys.append(NotificationSettings.webhookSecret.key) }
    let isUnused = values[PlainSetting.smtpUser.key] == "" && serverChanges(former, values)
    if isRemoved(.smtpUser) || isUnused { keys.append(NotificationSettings.smtpPassword.key) }
    return keys
  }

  /// Whether a kept password would be handed to another server than the one that it was given for.
  private static func isOfAnotherServer(_ former: NotificationSettings, _ values: [String: String]) -> Bool {
    former.secrets.contains(NotificationSettings.smtpPassword.key)
      && values[PlainSetting.smtpUser.key]?.isEmpty == false && values[PlainSetting.smtpServer.key]?.isEmpty == false
      && serverChanges(former, values)
  }

  private static func serverChanges(_ former: NotificationSettings, _ values: [String: String]) -> Bool {
    NotificationSettings.server(former.value(.smtpServer))
      != NotificationSettings.server(values[PlainSetting.smtpServer.key] ?? "")
  }

  /// What does not go together.
  private static func missing(_ values: [String: String], _ secrets: Set<String>) -> [InputProblem] {
    var problems: [InputProblem] = []
    let (webhook, password) = (NotificationSettings.webhookSecret.key, NotificationSettings.smtpPassword.key)
    if values[PlainSetting.webhookAddress.key]?.isEmpty == false, !secrets.contains(webhook) {
      problems.append(
        InputProblem(field: webhook, sentence: "Give a secret: by it the receiver knows that a request is Reroot's."))
    }
    if values[PlainSetting.smtpUser.key]?.isEmpty == false, !secrets.contains(password) {
      problems.append(InputProblem(field: password, sentence: "Give the password of this user."))
    }
    return problems
  }
}
