import HTTP
import PKI
import Rotation
import Store

extension APITable {
  /// Where notifications go, a test of each way, and what became of them.
  mutating func addNotifications() {
    let tag = "Notifications"
    let access = RouteAccess.administrator(to: "change the notifications")
    on(
      .get, "/notifications", tag,
      .init(
        id: "readNotifications", summary: "Read where notifications go", access: access,
        result: .json(Shape<NotificationSettings>.notificationSettings.schema, "Where they go; no secret.").tagged
      ) { call in .json(try await NotificationsAPI.json(call)) })
    on(
      .other("PATCH"), "/notifications", tag,
      .init(
        id: "changeNotifications", summary: "Change where notifications go",
        text: "All that are given, or none of them; those that are not given stay. A secret is set, or null, and never "
          + "answered.", access: access, parameters: [.ifMatch], body: .json(NotificationsAPI.given),
        result: .json(Shape<NotificationSettings>.notificationSettings.schema, "Where they go now.").tagged,
        problems: [412]
      ) { call in try await NotificationsAPI.change(call) })
    on(
      .post, "/notification-tests", tag,
      .init(
        id: "testNotification", summary: "Send a test", text: "Once, and answers what came of it.", access: access,
        body: .json(.object(.must("channel", .oneOf(NotificationChannel.allCases.map(\.rawValue)), "Over which way."))),
        result: .json(Shape<NotificationRecord>.delivery.schema, "What came of it."), problems: [409],
        isRepeatable: true
      ) { call in
        guard let channel = call.body["channel"]?.text.flatMap(NotificationChannel.init) else {
          throw InputRefusal("/channel", "It is missing.")
        }
        return .json(
          Shape.delivery.json(
            try await call.services.notifications.test(channel, by: call.visit.signedIn().name)))
      })
    on(
      .get, "/notification-deliveries", tag,
      .init(
        id: "listDeliveries", summary: "List the notifications", access: access, parameters: APIParameter.paging,
        result: .json(Shape<NotificationRecord>.delivery.list, "The newest first, those that wait among them.")
      ) { call in
        let (some, total) = try await call.store.notifications(
          offset: Int(call.query["offset"]?.whole ?? 0), limit: Int(call.query["limit"]?.whole ?? 100))
        return .json(["items": .array(some.map(Shape.delivery.json)), "total": .integer(Int64(total))])
      })
  }
}

enum NotificationsAPI {
  private static let secrets = [NotificationSettings.webhookSecret, NotificationSettings.smtpPassword]

  static let given = Schema(
    .object(
      NotificationSettings.plain.map { .may($0.member, $0.schema, $0.description) }
        + secrets.map { .may($0.member, Schema.string(1...200).orNull, $0.hint) }))

  static func json(_ call: APICall) async throws -> JSONValue {
    Shape.notificationSettings.json(try await NotificationSettings.read(call.store))
  }

  static func change(_ call: APICall) async throws -> APIAnswer {
    let former = try await NotificationSettings.read(call.store)
    try APIDesk.check(call, isStill: Shape.notificationSettings.json(former))
    var given: [String: String] = [:]
    for setting in NotificationSettings.plain {
      if let value = call.body[setting.member] { given[setting.key] = setting.text(value) }
    }
    var changed: [String: SecretBytes?] = [:]
    guard case .object(let members) = call.body else { throw InputRefusal("", "It must be an object.") }
    for setting in secrets {
      guard let value = members[setting.member] else { continue }
      changed[setting.key] = .some(value.text.map { SecretBytes(utf8: $0) })
    }
    do {
      try await NotificationChange.save(
        given, secrets: changed, since: call.isConditional ? former : nil, call.visit)
    } catch var refusal as InputRefusal {
      let names = NotificationSettings.plain.map { ($0.key, $0.member) } + secrets.map { ($0.key, $0.member) }
      let members = Dictionary(names) { first, _ in first }
      refusal.problems = refusal.problems.map {
        InputProblem(field: "/" + (members[$0.field] ?? $0.field), sentence: $0.sentence)
      }
      throw refusal
    }
    return .json(try await json(call))
  }
}

extension Shape where Value == NotificationSettings {
  /// Where notifications go.
  static var notificationSettings: Shape<NotificationSettings> {
    Shape(
      "NotificationSettings", "Where notifications go.",
      NotificationSettings.plain.map { setting in
        Member(setting.member, setting.schema, setting.description) { setting.json($0.value(setting)) }
      } + [
        Member("hasWebhookSecret", .boolean, "Whether the secret of the webhook is set.") {
          .bool($0.secrets.contains(NotificationSettings.webhookSecret.key))
        },
        Member("hasSMTPPassword", .boolean, "Whether the password of the mail server is set.") {
          .bool($0.secrets.contains(NotificationSettings.smtpPassword.key))
        },
        Member("channels", .array(.oneOf(NotificationChannel.allCases.map(\.rawValue))), "The ways that are on.") {
          .array($0.channels.map { .string($0.rawValue) })
        },
      ])
  }
}

extension Shape where Value == NotificationRecord {
  /// A notification on its way.
  static var delivery: Shape<NotificationRecord> {
    Shape(
      "Delivery", "A notification on its way over one channel, and what became of it.",
      [
        Member("id", .identifier, "Its number; with a random part it is the `webhook-id` of a request.") {
          .integer($0.id.rawValue)
        },
        Member("channel", .oneOf(NotificationChannel.allCases.map(\.rawValue)), "Over which way.") {
          .string($0.channel.rawValue)
        },
        Member("type", .oneOf(NotificationMessage.Kind.allCases.map(\.rawValue)), "What it is about.") {
          .string($0.notification.kind.rawValue)
        },
        Member("subject", .string, "One line.") { .string($0.notification.subject) },
        Member("text", .string, "What, to what, and what to do.") { .string($0.notification.text) },
        Member("update", Schema.identifier.orNull, "The update that it concerns.") {
          $0.notification.update.map { .integer($0.rawValue) } ?? .null
        },
        Member("component", Schema.string.orNull, "The component that it concerns.") {
          .text($0.notification.component)
        },
        Member("madeAt", .moment, "Since when it waits.") { .moment($0.madeAt) },
        Member("state", .oneOf(["waiting", "sent", "givenUp"]), "How it stands.") {
          .string($0.ending?.rawValue ?? "waiting")
        },
        Member("attempts", .number, "How often it was tried.") { .integer(Int64($0.attempts)) },
        Member("dueAt", Schema.moment.orNull, "When it is tried next.") { .moment($0.dueAt) },
        Member("problem", Schema.string.orNull, "Why the last attempt failed.") { .text($0.problem) },
        Member("endedAt", Schema.moment.orNull, "When it ended.") { .moment($0.endedAt) },
      ])
  }
}
