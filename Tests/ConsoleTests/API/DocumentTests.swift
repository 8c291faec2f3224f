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
    "POST /notification-tests", "GET /notification-deliveries",
  ]

  @Test("Every operation answers a token of each role, and none, as it is written down")
  func roles() async throws {
    try await withSystem { system in
      for role in Role.allCases {
        let program = try await Program(system.console, role)
        for line in APITable.whole.lines where !line.path.hasSuffix("/events") {
          let name = "\(line.method) \(line.path)"
          let needed: Role =
            Self.operators.contains(name) ? .operator : Self.administrators.contains(name) ? .administrator : .viewer
          // Nothing has this number, and no body will do: whoever is let through changes nothing.
          let path = line.path.replacing(":id", with: "999").replacing(":fingerprint", with: "0")
          let answer = try await program.send(line.method.description, path)
          #expect((answer.status == 403) == (role < needed), "\(name) for \(role): \(answer)")
          #expect(answer.status < 500, "\(name)")
          let stranger = try await Program(system.console, token: nil).send(line.method.description, path)
          #expect(stranger.status == 401, "\(name)")
        }
      }
    }
  }

  @Test("What is answered is what the document says of it, for every record that there can be")
  func answers() async throws {
    try await withSystem { system in
      let program = try await Program(system.console)
      _ = try await system.settled(try await system.start())
      for (path, schema) in [
        ("/roots", Shape<RootRecord>.root.list), ("/roots/1", Shape<RootRecord>.root.schema),
        ("/components", Shape<ComponentStanding>.standing.list), ("/components/1", ComponentsAPI.schema),
        ("/plans/1", Shape<PlansAPI.Numbered>.plan.schema), ("/updates", Shape<UpdateListing>.listing.list), ("/updates/1", Shape<UpdatePage>.update.schema),
        ("/updates/1/actions", Shape<UpdatesAPI.Action>.action.list),
        ("/sets", Shape<CertificateSet>.certificateSet.list),
        ("/tokens", Shape<TokenRecord>.token.list), ("/users", Shape<UserDesk.Standing>.user.list),
        ("/users/1", Shape<UserDesk.Standing>.user.schema), ("/settings", Shape<SettingsDesk.Standing>.settings.schema),
        ("/trust-store/authorities", Shape<AuthorityRecord>.authority.list),
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
