import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The description of the API", .timeLimit(.minutes(1))) struct DocumentTests {
  @Test("Every route of the API is described, with its role, and every reference leads somewhere")
  func complete() throws {
    let document = OpenAPIDocument.json
    guard case .object(let paths)? = document["paths"] else { throw BrowserError(description: "no paths") }
    var router = ConsoleRouter()
    router.addAPIRoutes()
    let described = paths.flatMap { path, operations -> [String] in
      guard case .object(let members) = operations else { return [] }
      return members.keys.map { "\($0.uppercased()) \(path)" }
    }
    let routes = router.table.map(\.self).filter {
      $0.pattern.hasPrefix(APIPath.root + "/") && !$0.pattern.hasSuffix(".json")
    }
    .map { entry in
      "\(entry.method) "
        + entry.pattern.dropFirst(APIPath.root.count).split(separator: "/")
        .map { $0.hasPrefix(":") ? "/{\($0.dropFirst())}" : "/\($0)" }.joined()
    }
    #expect(Set(described) == Set(routes))
    let text = String(decoding: try document.bytes(), as: UTF8.self)
    guard case .object(let schemas)? = document["components"]?["schemas"] else { return }
    for reference in HTML.all(##""#/components/schemas/([A-Za-z]+)""##, in: text) {
      #expect(schemas[reference] != nil && schemas[reference] != .null, "\(reference)")
    }
  }

  /// What is not kept from happening twice, and why.
  private static let unrepeatable: [String: String] = [
    "POST /root-inspections": "Nothing is kept of it, and its answer is about what was sent.",
    "POST /components/:id/test": "Whoever asks again wants to look again, and nothing is changed.",
    "POST /tokens": "What it makes is shown once and kept nowhere, and its name is taken once.",
    "POST /doctor": "Whoever asks again wants to look again, and nothing is changed.",
  ]

  @Test("Every POST may be sent again with its key, but for a few; the document gives the key and its refusal")
  func keys() throws {
    for line in APITable.whole.lines where line.method == .post {
      let name = "\(line.method) \(line.path)"
      #expect(line.operation.isRepeatable == (Self.unrepeatable[name] == nil), "\(name)")
    }
    let posts = Set(APITable.whole.lines.map { "\($0.method) \($0.path)" })
    #expect(posts.isSuperset(of: Self.unrepeatable.keys))
    for line in APITable.whole.lines where line.operation.isRepeatable {
      let path = line.path.split(separator: "/").map { $0.hasPrefix(":") ? "/{\($0.dropFirst())}" : "/\($0)" }.joined()
      let described = OpenAPIDocument.json["paths"]?[path]?["post"]
      let names = described?["parameters"]?.elements?.compactMap { $0["name"]?.text } ?? []
      #expect(names.contains("Idempotency-Key") && described?["responses"]?["409"] != nil, "\(path)")
    }
  }

  /// Who may do what, written by hand, as for the pages.
  private static let operators: Set<String> = [
    "POST /plans", "POST /retirement-plans", "POST /updates", "POST /updates/:id/decisions",
    "POST /components/:id/test", "POST /watching/looks",
    "GET /audit", "GET /audit/:id", "GET /audit-export", "POST /doctor", "POST /retiring-roots/:fingerprint/looks",
    "POST /restoration/looks", "POST /restoration/confirmation",
    "POST /plans/:id/agreements", "POST /agreements/:id/answers", "POST /agreements/:id/withdrawal",
  ]
  private static let administrators: Set<String> = [
    "POST /roots", "POST /root-inspections", "DELETE /roots/:id", "POST /components", "POST /component-lists",
    "PUT /components/:id", "DELETE /components/:id", "GET /users", "POST /users", "GET /users/:id", "PUT /users/:id",
    "DELETE /users/:id", "POST /users/:id/password-links", "DELETE /users/:id/second-factor", "PATCH /settings",
    "PUT /settings/second-factor", "PUT /settings/second-person", "GET /settings/syslog", "PUT /settings/syslog",
    "POST /trust-store/authorities", "DELETE /trust-store/authorities/:id", "POST /trust-store/server-certificates",
    "DELETE /trust-store/server-certificates/:id", "GET /notifications", "PATCH /notifications",
    "POST /notification-tests", "GET /notification-deliveries", "POST /component-searches",
    "GET /component-searches/:token", "DELETE /component-searches/:token", "POST /module-roots", "PUT /roots/:id/pin",
  ]

  @Test("Every operation answers a token of each role, and none, as it is written down")
  func roles() async throws {
    try await withSystem { system in
      for role in Role.allCases {
        let program = try await Program(system.console, role)
        for line in APITable.whole.lines {
          let name = "\(line.method) \(line.path)"
          let needed: Role =
            Self.operators.contains(name) ? .operator : Self.administrators.contains(name) ? .administrator : .viewer
          // Nothing has this number, and no body will do: whoever is let through changes nothing.
          let path = line.path.replacing(":id", with: "999").replacing(":fingerprint", with: "0").replacing(
            ":token", with: "x")
          let answer = try await program.send(line.method.description, path)
          #expect((answer.status == 403) == (role < needed), "\(name) for \(role): \(answer)")
          #expect(answer.status < 500, "\(name)")
          let stranger = try await Program(system.console, token: nil).send(line.method.description, path)
          #expect(stranger.status == 401, "\(name)")
        }
      }
    }
  }

  /// What every page route that changes something is over the API, or why it is nothing there.
  private static let counterparts: [String: String] = [
    "POST /plans": "makePlan", "POST /updates": "startUpdate", "POST /updates/:id/decisions": "decideUpdate",
    "POST /retiring/:fingerprint/looks": "lookAgain", "POST /retiring/:fingerprint/plans": "planRetirement",
    "POST /plans/:id/agreements": "askForAgreement", "POST /agreements/:id/answers": "answerAgreement",
    "POST /agreements/:id/withdrawal": "withdrawAgreement", "POST /restored/looks": "lookAtRestored",
    "POST /restored/seen": "confirmRestoration", "POST /roots/import": "importRoot",
    "POST /roots/import/:token": "importRoot", "POST /roots/module": "importModuleRoot",
    "POST /roots/:id/pin": "changePIN", "POST /roots/:id/remove": "removeRoot",
    "POST /components/import": "applyComponents", "POST /components/find": "findComponents",
    "POST /components/find/:token/cancel": "cancelSearch", "POST /components/new": "addComponent",
    "POST /components/:id/edit": "replaceComponent", "POST /components/:id/remove": "removeComponent",
    "POST /components/:id/test": "testComponent", "POST /components/looks": "lookAtEndpoints",
    "POST /trust-store/authorities/add": "addAuthorities",
    "POST /trust-store/authorities/:id/remove": "removeAuthority",
    "POST /trust-store/certificates/add": "addServerCertificate",
    "POST /trust-store/certificates/:id/remove": "removeServerCertificate", "POST /settings": "changeSettings",
    "POST /settings/second-person": "setSecondPerson", "POST /settings/second-factor": "setSecondFactor",
    "POST /settings/notifications": "changeNotifications", "POST /settings/notifications/tests": "testNotification",
    "POST /users/new": "addUser", "POST /users/:id": "changeUser", "POST /users/:id/remove": "removeUser",
    "POST /users/:id/link": "makePasswordLink", "POST /users/:id/second-factor": "removeSecondFactor",
    "POST /audit/syslog": "setSyslog", "POST /tokens/new": "makeToken", "POST /tokens/:id/end": "endToken",
  ]
  /// What needs a person, and what a person alone knows.
  private static let forPeople: [String: String] = [
    "POST /setup/:token": "The first administrator: before that there is nobody whose token it could be.",
    "POST /sign-in": "A program has its token.", "POST /sign-in/code": "A program has its token.",
    "POST /sign-out": "A token is ended.", "POST /password/:token": "Whoever opens the link chooses the password.",
    "POST /account": "The password is the person's, and asked for.",
    "POST /account/sessions/:id/end": "Whoever found a token must not put its owner out.",
    "POST /account/sessions/others/end": "Whoever found a token must not put its owner out.",
    "POST /account/second-factor": "The second factor is the person's, and the password is asked for.",
    "POST /account/second-factor/secret": "The second factor is the person's.",
    "POST /account/second-factor/removal": "The second factor is the person's, and the password is asked for.",
    "POST /account/recovery-codes": "The codes are the person's, and the password is asked for.",
  ]

  @Test("Whatever a page can do, a program can do too, unless it needs a person")
  func counterparts() {
    var router = ConsoleRouter()
    router.addConsoleRoutes()
    let pages = Set(router.table.filter { $0.method != .get }.map { "\($0.method) \($0.pattern)" })
    let named = Set(Self.counterparts.keys).union(Self.forPeople.keys)
    #expect(pages.symmetricDifference(named) == [])
    #expect(Set(Self.counterparts.keys).isDisjoint(with: Self.forPeople.keys))
    let operations = Set(APITable.whole.lines.map(\.operation.id))
    #expect(Set(Self.counterparts.values).subtracting(operations) == [])
  }

  @Test("What is answered is what the document says of it, for every record that there can be")
  func answers() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      _ = try await system.settled(try await system.start())
      for (path, schema) in [
        ("/roots", Shape<RootRecord>.root.list), ("/roots/1", Shape<RootRecord>.root.schema),
        ("/components", Shape<ComponentStanding>.standing.list), ("/components/1", ComponentsAPI.schema),
        ("/plans/1", Shape<PlansAPI.Numbered>.plan.schema), ("/updates", Shape<UpdateListing>.listing.list),
        ("/updates/1", Shape<UpdatePage>.update.schema),
        ("/updates/1/actions", Shape<UpdatesAPI.Action>.action.list),
        ("/sets", Shape<CertificateSet>.certificateSet.list),
        ("/tokens", Shape<TokenRecord>.token.list), ("/users", Shape<UserDesk.Standing>.user.list),
        ("/users/1", Shape<UserDesk.Standing>.user.schema), ("/settings", Shape<SettingsDesk.Standing>.settings.schema),
        ("/trust-store/authorities", Shape<AuthorityRecord>.authority.list),
        ("/renewal", RenewalAPI.schema),
        ("/retiring-roots", Shape<RetiringRoot>.retiringRoot.list), ("/audit/1", Shape<AuditEntry>.auditEntry.schema),
      ] {
        let answer = try await program.get(path)
        #expect(answer.status == 200, "\(path)")
        #expect(schema.problems(try answer.json) == [], "\(path)")
      }
      let page = try await system.browser.get("/api")
      #expect(page.status == 200 && page.says("POST /api/v1/updates/:id/decisions"))
    }
  }
}
