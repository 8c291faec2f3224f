import HTTP
import Store

/// What is done to the settings, by whichever way it was asked for: the page, the API.
enum SettingsDesk {
  /// The settings as they are at one moment.
  struct Standing: Sendable {
    /// What is kept of the plain settings and of those of ``Store/secondPersonKey`` and the second factor.
    fileprivate let kept: [String: String]
    /// The proxies of the command line, for as long as the server runs.
    let givenProxies: [AddressRange]
    /// Whether an update and an Abort take the agreement of a second person.
    let isSecondPersonOn: Bool
    /// Whether everybody must have a second factor.
    let isSecondFactorRequired: Bool

    /// The same, or what is kept of one that cannot be read, which differs from every value.
    fileprivate func former(_ setting: PlainSetting) -> String {
      guard let text = kept[setting.key], (try? setting.checked(text).get()) == nil else { return value(setting) }
      return text
    }

    /// What the store must still hold for a change that was decided on by this.
    var asRead: Store.ReadSettings { (SettingsDesk.keys, kept) }

    /// The value of a setting that holds.
    func value(_ setting: PlainSetting) -> String {
      // What another version has understood otherwise counts no more.
      kept[setting.key].flatMap { try? setting.checked($0).get() } ?? setting.initial
    }
  }

  fileprivate static let keys = PlainSetting.all.map(\.key) + Store.switchKeys

  static func standing(_ services: Services) async throws -> Standing {
    let kept = try await services.store.settings(keys)
    return Standing(
      kept: kept, givenProxies: services.proxies.given,
      isSecondPersonOn: kept[Store.secondPersonKey] == "on",
      isSecondFactorRequired: kept[Store.secondFactorRequiredKey] == "on")
  }

  /// The value of one setting that holds.
  static func value(_ setting: PlainSetting, _ store: Store) async throws -> String {
    try await store.setting(setting.key).flatMap { try? setting.checked($0).get() } ?? setting.initial
  }

  /// Changes plain settings, all or none; those that are not given stay.
  ///
  /// - Parameters:
  ///   - given: what was typed, by the settings' keys.
  ///   - read: the settings that must not have been changed since; nil changes whatever they are.
  /// - Throws: ``InputRefusal`` by the settings' keys, `CHANGED_MEANWHILE`.
  static func change(_ given: [String: String], since read: Standing? = nil, _ visit: Visit) async throws {
    let services = visit.services
    let former: Standing
    if let read { former = read } else { former = try await standing(services) }
    var problems: [InputProblem] = []
    var changes: [Store.SettingChange] = []
    for setting in PlainSetting.all {
      guard let text = given[setting.key] else { continue }
      switch setting.checked(text) {
      case .failure(let problem): problems.append(problem)
      case .success(let value):
        if let change = setting.change(from: former.former(setting), to: value, visit) { changes.append(change) }
      }
    }
    guard problems.isEmpty else { throw InputRefusal(problems) }
    try await services.store.set(changes, expecting: read?.asRead)
    for change in changes { visit.log(change.act) }
    try await services.proxies.takeWhatIsKept()
  }
}
