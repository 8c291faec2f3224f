import Foundation
import Testing

@testable import Console
@testable import Store

/// Who may use what, written by hand: a route that is added, or that changes its role, must be changed here too.
enum ExpectedAccess {
  static let open: Set<String> = [
    "GET /setup/:token", "POST /setup/:token", "GET /sign-in", "POST /sign-in",
    "GET /password/:token", "POST /password/:token", "GET /sign-in/code", "POST /sign-in/code",
  ]
  static let signedIn: Set<String> = [
    "POST /sign-out", "GET /account", "POST /account", "GET /account/sessions/:id/end",
    "POST /account/sessions/:id/end", "GET /account/sessions/others/end",
    "POST /account/sessions/others/end", "GET /account/second-factor", "POST /account/second-factor",
    "GET /account/second-factor/secret", "POST /account/second-factor/secret", "GET /account/second-factor/removal",
    "POST /account/second-factor/removal", "GET /account/recovery-codes", "POST /account/recovery-codes",
    "GET /tokens", "GET /tokens/new", "POST /tokens/new", "POST /tokens/:id/end",
  ]
  static let viewer: Set<String> = [
    "GET /", "GET /roots", "GET /roots/:id", "GET /roots/:id/certificate", "GET /retiring/:fingerprint",
    "GET /components", "GET /components/export", "GET /components/:id", "GET /trust-store",
    "GET /trust-store/authorities/:id", "GET /trust-store/authorities/:id/certificate",
    "GET /trust-store/certificates/:id", "GET /trust-store/certificates/:id/certificate", "GET /plans/:id",
    "GET /updates", "GET /updates/:id", "GET /updates/:id/events", "GET /settings", "GET /restored",
    "GET /agreements/:id", "GET /api",
  ]
  static let operators: Set<String> = [
    "GET /roots/:id/update", "POST /plans", "POST /updates", "POST /updates/:id/decisions",
    "POST /retiring/:fingerprint/looks", "POST /retiring/:fingerprint/plans", "GET /components/:id/test",
    "POST /components/:id/test", "POST /components/looks", "GET /audit", "GET /audit/:id", "GET /audit/export.csv",
    "GET /audit/export.jsonl",
    "POST /plans/:id/agreements", "POST /agreements/:id/answers", "POST /agreements/:id/withdrawal",
    "POST /restored/looks", "POST /restored/seen",
  ]
  static let administrators: Set<String> = [
    "GET /roots/module", "POST /roots/module", "GET /roots/:id/pin", "POST /roots/:id/pin",
    "GET /roots/import", "POST /roots/import", "GET /roots/import/:token", "POST /roots/import/:token",
    "GET /roots/:id/remove", "POST /roots/:id/remove", "GET /components/import", "POST /components/import",
    "GET /components/find", "POST /components/find", "GET /components/find/:token",
    "GET /components/find/:token/events", "POST /components/find/:token/cancel", "GET /components/kinds",
    "GET /components/new", "POST /components/new", "GET /components/:id/edit", "POST /components/:id/edit",
    "GET /components/:id/remove", "POST /components/:id/remove", "GET /trust-store/authorities/add",
    "POST /trust-store/authorities/add", "GET /trust-store/authorities/:id/remove",
    "POST /trust-store/authorities/:id/remove", "GET /trust-store/certificates/add",
    "POST /trust-store/certificates/add", "GET /trust-store/certificates/:id/remove",
    "POST /trust-store/certificates/:id/remove", "POST /settings", "POST /settings/second-person",
    "POST /settings/second-factor", "GET /settings/notifications", "POST /settings/notifications",
    "POST /settings/notifications/tests", "GET /users",
    "GET /users/new", "POST /users/new",
    "GET /users/:id", "POST /users/:id", "GET /users/:id/remove", "POST /users/:id/remove", "GET /users/:id/link",
    "POST /users/:id/link", "GET /users/:id/second-factor", "POST /users/:id/second-factor", "GET /audit/syslog",
    "POST /audit/syslog",
  ]

  /// Whether a user of a role, nil for a stranger, may use the route; nil for one that is not listed.
  static func permits(_ role: Role?, _ route: String) -> Bool? {
    if open.contains(route) { return true }
    if signedIn.contains(route) || viewer.contains(route) { return role != nil }
    if operators.contains(route) { return role == .operator || role == .administrator }
    if administrators.contains(route) { return role == .administrator }
    return nil
  }
}

@Suite("Roles", .timeLimit(.minutes(2))) struct RoleTests {
  @Test("Every route has the role that is written down for it, and no other route is")
  func table() {
    let routes = RouteTable().routes.map { "\($0.method) \($0.path)" }
    let expected = [
      ExpectedAccess.open, ExpectedAccess.signedIn, ExpectedAccess.viewer, ExpectedAccess.operators,
      ExpectedAccess.administrators,
    ]
    #expect(Set(routes).symmetricDifference(expected.reduce(into: Set<String>()) { $0.formUnion($1) }) == [])
    #expect(expected.reduce(0) { $0 + $1.count } == routes.count)
    var router = ConsoleRouter()
    router.addConsoleRoutes()
    for entry in router.table {
      for role in [nil] + Role.allCases.map(Optional.some) {
        let route = "\(entry.method) \(entry.pattern)"
        #expect(entry.access.permits(role) == ExpectedAccess.permits(role, route), "\(route), \(role?.rawValue ?? "-")")
      }
    }
  }

  @Test("The server answers every route as the table says, by every method and to every role and none")
  func answers() async throws {
    try await withSystem { system in
      _ = try await system.store.addAuthorities([system.old.certificate], by: "ada")
      system.targets.arm(.deploy, at: "web")
      try await system.settled(try await system.start())
      var (asked, refused) = (0, 0)
      for role in [nil] + Role.allCases.map(Optional.some) {
        let browser = try await role.asyncMap { try await system.console.browser($0) } ?? system.console.stranger()
        for (method, path) in RouteTable().routes {
          let isPermitted = ExpectedAccess.permits(role, "\(method) \(path)") == true
          for method in method == "GET" ? ["GET", "HEAD"] : [method] {
            let what = "\(method) \(path) for \(role?.rawValue ?? "nobody")"
            let filled = RouteTable.filled(path)
            asked += 1
            if isPermitted, path.hasSuffix("/events") {
              // A stream goes on until it is left.
              let stream = try await browser.events(filled)
              #expect(stream.status == (path.hasPrefix("/updates") ? 200 : 404), "\(what)")
              stream.close()
              continue
            }
            // A form without a token is refused after the role was found to do, so nothing happens here.
            let answer =
              try await method == "POST" ? browser.post(filled, [("csrf", "x")]) : browser.get(filled, method: method)
            check(answer, isPermitted, role, what)
            if !isPermitted { refused += 1 }
          }
        }
      }
      print("routes asked: \(asked), refused: \(refused)")
      #expect(asked > 300 && refused > 150)
    }
  }

  private func check(_ answer: Answer, _ isPermitted: Bool, _ role: Role?, _ what: String) {
    let isRoleRefusal = answer.status == 403 && !answer.says("form does not belong to your session")
    switch (isPermitted, role) {
    case (true, _):
      // HEAD has no body to tell the two by, but no reading is refused for a token.
      #expect(!isRoleRefusal, "\(what)")
      #expect(answer.status < 500, "\(what)")
      // The page of the second step sends whoever has not made the first one to that, without a way back.
      if role == nil { #expect(answer.status != 401 && answer.location?.contains("return=") != true, "\(what)") }
    case (false, nil):
      #expect(answer.status == 401 || answer.location?.hasPrefix("/sign-in") == true, "\(what)")
    case (false, let role?):
      #expect(answer.status == 403, "\(what)")
      guard !answer.body.isEmpty else { return }
      #expect(isRoleRefusal, "\(what)")
      #expect(answer.says("You are signed in as \(role == .viewer ? "a" : "an") \(role.rawValue)"), "\(what)")
    }
  }
}

extension Optional {
  fileprivate func asyncMap<Value>(_ body: (Wrapped) async throws -> Value) async rethrows -> Value? {
    guard case .some(let value) = self else { return nil }
    return try await body(value)
  }
}
