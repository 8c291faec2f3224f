import Delivery
import Foundation
import PKI
import Store

/// Where notifications go.
struct NotificationSettings: Sendable {
  /// What is kept, by the keys of the settings.
  private let kept: [String: String]
  /// Which secrets there are, by their keys.
  let secrets: Set<String>

  /// Its settings that are no secrets, in the order of the page.
  static let plain: [PlainSetting] = [
    .webhookAddress, .webhookKinds, .emailTo, .emailKinds, .emailFrom, .smtpServer, .smtpUser, .consoleAddress,
  ]
  /// What is told where, as boxes to tick, and where that is.
  static let kinds: [(kinds: PlainSetting, address: PlainSetting)] = [
    (.webhookKinds, .webhookAddress), (.emailKinds, .emailTo),
  ]
  /// The secret that requests are signed with.
  static let webhookSecret = SecretSetting(
    key: "notify_webhook_secret", member: "webhookSecret", label: "Webhook secret",
    hint:
      "whsec_ and the base64 of 24 to 64 bytes, such as of openssl rand -base64 32. Empty keeps the one that is set.",
    refusal: "Give whsec_ and the base64 of 24 to 64 bytes."
  ) { Webhook.key($0) != nil }
  /// The password for the submission server.
  static let smtpPassword = SecretSetting(
    key: "notify_smtp_password", member: "smtpPassword", label: "Password of the mail server",
    hint: "At most 200 characters. Empty keeps the one that is set.",
    refusal: "Give at most 200 bytes on one line."
  ) { password in
    password.withBytes { bytes in (1...200).contains(bytes.count) && bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
  }

  static func read(_ store: Store) async throws -> NotificationSettings {
    NotificationSettings(
      kept: try await store.settings(plain.map(\.key)),
      secrets: try await store.knownSecrets([webhookSecret.key, smtpPassword.key]))
  }

  /// The value of a setting that holds.
  func value(_ setting: PlainSetting) -> String {
    kept[setting.key].flatMap { try? setting.checked($0).get() } ?? setting.initial
  }

  /// The channels that are on.
  var channels: [NotificationChannel] {
    NotificationChannel.allCases.filter { channel in
      switch channel {
      case .webhook: !value(.webhookAddress).isEmpty && secrets.contains(Self.webhookSecret.key)
      case .email: !value(.emailTo).isEmpty
      }
    }
  }

  /// The channels that are on and by which such a notification is to go.
  func channels(for kind: NotificationMessage.Kind) -> [NotificationChannel] {
    channels.filter { channel in
      let chosen = value(channel == .webhook ? .webhookKinds : .emailKinds).split(separator: "\n")
      return chosen.isEmpty || chosen.contains { $0 == kind.rawValue }
    }
  }

  /// What must still be kept where nobody has changed it.
  var expectation: (keys: [String], values: [String: String]) { (Self.plain.map(\.key), kept) }

  /// The mailboxes.
  var recipients: [String] { value(.emailTo).split(separator: "\n").map(String.init) }

  /// A mail server with its port in any case, which curl would take for 25 with smtp; so two texts of one server are one.
  static func server(_ text: String) -> String {
    guard var parts = URLComponents(string: text), let scheme = parts.scheme else { return text }
    parts.port = parts.port ?? (scheme == "smtps" ? 465 : 587)
    return parts.string?.lowercased() ?? text
  }

  /// Who messages come from.
  var sender: String {
    let from = value(.emailFrom)
    return from.isEmpty ? "reroot@\(ProcessInfo.processInfo.hostName)" : from
  }
}

/// A setting that is a secret: it can be set and never read.
struct SecretSetting: Sendable {
  /// Its key in the store, and the name of the page's field.
  let key: String
  /// Its name in the API.
  let member: String
  let label: String
  let hint: String
  /// What is said of one that will not do.
  let refusal: String
  /// Whether it will do.
  let isGood: @Sendable (SecretBytes) -> Bool

  init(
    key: String, member: String, label: String, hint: String, refusal: String,
    isGood: @escaping @Sendable (SecretBytes) -> Bool
  ) {
    (self.key, self.member, self.label) = (key, member, label)
    (self.hint, self.refusal, self.isGood) = (hint, refusal, isGood)
  }
}

extension PlainSetting {
  /// Where the requests go.
  static let webhookAddress = PlainSetting(
    key: "notify_webhook", member: "webhookAddress", label: "Webhook address",
    hint: "An https address whose certificate an authority of this machine or of the Trust Store has issued. Each "
      + "notification is a signed POST request (Standard Webhooks). Empty for none.",
    kind: .text { text in
      guard !text.isEmpty, !isWebAddress(text) else { return .success(text) }
      return .failure(wrong("Give an address such as https://hooks.example.net/reroot, or nothing."))
    }, initial: "")

  /// What goes there.
  static let webhookKinds = kinds("notify_webhook_kinds", member: "webhookKinds", label: "Told to the webhook")

  /// What goes to the mailboxes.
  static let emailKinds = kinds("notify_email_kinds", member: "emailKinds", label: "Told by e-mail")

  private static func kinds(_ key: String, member: String, label: String) -> PlainSetting {
    // A test goes by whichever way it is asked for.
    let known = NotificationMessage.Kind.allCases.filter { $0 != .test }
    return PlainSetting(
      key: key, member: member, label: label, hint: "", kind: .several(known.map { ($0.rawValue, $0.label) }),
      initial: "")
  }

  /// Who gets messages.
  static let emailTo = PlainSetting(
    key: "notify_email_to", member: "emailTo", label: "E-mail to",
    hint: "Addresses, one to a line. Empty for none.",
    kind: .lines { text in
      let words = text.split { $0.isWhitespace || $0 == "," }.map(String.init)
      guard words.count <= 20 else { return .failure(wrong("Give at most 20 addresses.")) }
      if let word = words.first(where: { !Mail.isAddress($0) }) {
        return .failure(wrong("“\(VisibleText.of(word, limit: 100))” is no address such as ada@example.net."))
      }
      return .success(words.joined(separator: "\n"))
    }, initial: "")

  /// Who messages come from.
  static let emailFrom = PlainSetting(
    key: "notify_email_from", member: "emailFrom", label: "E-mail from",
    hint: "Empty takes reroot at the name of this machine.",
    kind: .text { text in
      text.isEmpty || Mail.isAddress(text)
        ? .success(text) : .failure(wrong("Give an address such as reroot@example.net, or nothing."))
    }, initial: "")

  /// Over which server messages go.
  static let smtpServer = PlainSetting(
    key: "notify_smtp", member: "smtpServer", label: "Mail server",
    hint: "smtps://HOST or smtp://HOST, which begins TLS; with :PORT where it is not 465 or 587. Empty takes the mail "
      + "system of this machine (sendmail).",
    kind: .text { text in
      guard !text.isEmpty, !isServer(text) else { return .success(text) }
      return .failure(wrong("Give smtps://HOST:PORT or smtp://HOST:PORT, or nothing."))
    }, initial: "")

  /// Who signs in there.
  static let smtpUser = PlainSetting(
    key: "notify_smtp_user", member: "smtpUser", label: "User of the mail server",
    hint: "Empty where it asks for none.",
    kind: .text { text in
      text.utf8.count <= 200 && text.unicodeScalars.allSatisfy { $0 != ":" && !VisibleText.isHidden($0) }
        ? .success(text) : .failure(wrong("Give at most 200 characters on one line, without a colon."))
    }, initial: "")

  /// Where this console is, for the links in notifications.
  static let consoleAddress = PlainSetting(
    key: "notify_console", member: "consoleAddress", label: "Address of this console",
    hint:
      "As people reach it, such as https://reroot.example.net:8443, for the links in notifications and those with which "
      + "users choose a password. Empty for none in notifications, and for one of the console's own names otherwise.",
    kind: .text { text in
      let text = text.hasSuffix("/") ? String(text.dropLast()) : text
      let path = URLComponents(string: text)?.path ?? ""
      return text.isEmpty || (isWebAddress(text) && path.isEmpty)
        ? .success(text) : .failure(wrong("Give https://HOST or https://HOST:PORT, or nothing."))
    }, initial: "")

  private static func wrong(_ sentence: String) -> InputProblem { InputProblem(field: "", sentence: sentence) }

  private static func isWebAddress(_ text: String) -> Bool {
    guard let parts = parts(text) else { return false }
    return parts.scheme == "https" && parts.fragment == nil
  }

  private static func isServer(_ text: String) -> Bool {
    guard let parts = parts(text) else { return false }
    return ["smtp", "smtps"].contains(parts.scheme) && parts.path.isEmpty && parts.query == nil && parts.fragment == nil
  }

  /// An address with a host and without a user, in visible ASCII; anything else is better not handed on to a program.
  private static func parts(_ text: String) -> URLComponents? {
    guard text.utf8.count <= 1000, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      !text.contains(where: { "\"\\<>{}|^`".contains($0) }), let parts = URLComponents(string: text),
      parts.host?.isEmpty == false, parts.user == nil, parts.password == nil,
      parts.port.map({ (1...65535).contains($0) }) ?? true
    else { return nil }
    return parts
  }
}

extension NotificationMessage.Kind {
  /// What it tells of, as a choice.
  var label: String {
    switch self {
    case .failureWaiting: "A failure waits for a decision"
    case .completed: "An update is completed"
    case .completedWithErrors: "An update is completed with errors"
    case .rolledBack: "An update was rolled back"
    case .expiring: "A certificate ends soon"
    case .endpointDiffers: "An endpoint shows something else than was deployed"
    case .renewalHeld: "A renewal cannot start"
    case .test: "A test"
    }
  }
}
