import HTTP
import Rotation
import Store

/// The audit log as the API lists it.
public enum AuditListing {
  /// How many entries can be asked for at once.
  public static let limits = 1...1_000
}

extension APITable {
  /// The audit log, and the tokens of whoever asks.
  mutating func addAudit() {
    on(
      .get, "/audit", "Audit",
      .init(
        id: "listAuditEntries", summary: "List entries of the audit log",
        text: "The newest first. `before` goes on where a page ended.", access: .operator(to: "read the audit log"),
        parameters: [
          .query("before", .identifier, "Only entries with lower numbers."),
          .query("limit", Schema.integer(AuditListing.limits).initially(100), "The most that are wanted."),
        ] + filters,
        result: .json(
          .object(.must("items", .array(Shape<AuditEntry>.auditEntry.schema), "The entries.")), "The entries."),
        problems: [422]
      ) { call in
        let entries = try await call.store.auditEntries(
          AuditFilterForm(call.request.query).filter(), before: call.query["before"]?.whole,
          limit: Int(call.query["limit"]?.whole ?? 100))
        return .json(["items": .array(entries.map(Shape.auditEntry.json))])
      })
    on(
      .get, "/audit/:id", "Audit",
      .init(
        id: "readAuditEntry", summary: "Read an entry of the audit log", access: .operator(to: "read the audit log"),
        result: .json(Shape<AuditEntry>.auditEntry.schema, "The entry.")
      ) { call in .json(Shape.auditEntry.json(try await AuditRoutes.entry(call.path, call.visit))) })
    on(
      .get, "/audit-export", "Audit",
      .init(
        id: "exportAudit", summary: "Export the audit log",
        text:
          "As JSON Lines with the hashes by which `reroot audit verify` knows that nothing was changed, or as CSV. The "
          + "export itself is recorded.", access: .operator(to: "read the audit log"),
        parameters: [
          .query(
            "format", Schema.oneOf(["jsonl", "csv"]).initially("jsonl"), "JSON Lines, or CSV (RFC 4180).")
        ] + filters,
        result: APIResult(text: "The entries.", content: .bytes(["application/jsonl", "text/csv"]))
      ) { call in
        let format = call.query["format"]?.text.flatMap(AuditExportFile.Format.init) ?? .jsonLines
        return .response(try await AuditExportFile.response(call.request, format, call.visit))
      })
    on(
      .get, "/tokens", "Tokens",
      .init(
        id: "listTokens", summary: "List the tokens", text: "An administrator sees everybody's.", access: .viewer,
        parameters: APIParameter.paging,
        result: .json(Shape<TokenRecord>.token.list, "The tokens, never their secrets.")
      ) { call in call.list(try await TokenDesk.visible(call.visit), .token) })
    on(
      .post, "/tokens", "Tokens",
      .init(
        id: "makeToken", summary: "Make a token of one's own",
        text:
          "It may do no more than the token that makes it, is valid no longer, ends with it, and shares its requests a "
          + "minute. A user has at most \(Store.mostTokens) valid ones. It is shown once, so that a request cannot be "
          + "repeated with a key; a name is given once.", access: .viewer,
        body: .json(
          .object(
            .must("name", .string(1...200), "What it is for, 1 to 64 characters on one line."),
            .must("role", .oneOf(Role.allCases.map(\.rawValue)), "What it may do."),
            .must("days", .integer(Store.tokenDays), "For how many days it is valid, at most."))),
        result: .json(
          .object(
            .must("token", .string, "The token itself, for `Authorization: Bearer`."),
            .must("record", Shape<TokenRecord>.token.schema, "What is known of it.")), "The token.", status: 201),
        problems: [409]
      ) { call in
        do {
          let made = try await TokenDesk.make(
            name: call.body["name"]?.text ?? "", role: call.body["role"]?.text ?? "",
            days: "\(call.body["days"]?.whole ?? 0)", call.visit)
          return .json(["token": .string(made.token), "record": Shape.token.json(made.record)])
        } catch let refusal as InputRefusal {
          throw refusal.atMembers
        }
      })
    on(
      .delete, "/tokens/:id", "Tokens",
      .init(
        id: "endToken", summary: "End a token",
        text: "The one that is sent, those that may do no more, and with each those that were made by it.",
        access: .viewer, result: .done
      ) { call in
        _ = try await TokenDesk.remove(try call.id("token"), call.visit)
        return .nothing
      })
  }

  /// Which entries are wanted.
  private var filters: [APIParameter] {
    [
      .query("who", .string(1...200), "Only what somebody of this name did."),
      .query("topic", .oneOf(AuditTopic.allCases.map(\.rawValue)), "Only events of this kind."),
      .query("from", day, "From this day on, in UTC."), .query("until", day, "To this day, in UTC."),
      .query("text", .string(1...200), "Only entries in which this stands."),
    ]
  }

  private var day: Schema { Schema(.string(length: 10...10, format: "date", pattern: nil)) }
}

extension Shape where Value == AuditEntry {
  /// An entry of the audit log.
  static var auditEntry: Shape<AuditEntry> {
    Shape(
      "AuditEntry", "An entry of the audit log.",
      [
        Member("number", .identifier, "1, 2, 3, …") { .integer($0.number) },
        Member("at", .moment, "When it was written.") { .moment($0.at) },
        Member("event", .string, "A stable code of what was done, such as `update.started`.") { .string($0.event) },
        Member("who", .string, "Who did it.") { .string($0.author.name) },
        Member("kind", .oneOf(AuditAuthor.Kind.allCases.map(\.rawValue)), "Whom the name is of.") {
          .string($0.author.kind.rawValue)
        },
        Member("address", Schema.string.orNull, "The address that it came from.") { .text($0.author.address) },
        Member("subject", Schema.string.orNull, "To what it was done.") { .text($0.subject) },
        Member("reason", Schema.string.orNull, "Why.") { .text($0.reason) },
        Member("details", Schema(.map(.string)), "More of it.") { .object($0.details.mapValues { .string($0) }) },
      ])
  }
}

extension TokenRecord {
  /// As the API answers it.
  public var json: JSONValue { Shape.token.json(self) }
}

extension Shape where Value == TokenRecord {
  /// A token, without what makes it one.
  static var token: Shape<TokenRecord> {
    Shape(
      "Token", "A token of the API, as it is kept: never the token itself.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.id.rawValue) },
        Member("name", .string, "What it is for.") { .string($0.name) },
        Member("user", .string, "On whose behalf it acts.") { .string($0.userName) },
        Member("role", .oneOf(Role.allCases.map(\.rawValue)), "What it may do.") { .string($0.role.rawValue) },
        Member("madeAt", .moment, "When it was made.") { .moment($0.madeAt) },
        Member("expiresAt", .moment, "From when on it is not valid any more.") { .moment($0.expiresAt) },
        Member("usedAt", Schema.moment.orNull, "When it was last used, to the minute.") { .moment($0.usedAt) },
      ])
  }
}
