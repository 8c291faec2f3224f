import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

/// Ada, the administrator of every test, and two operators; the setting "Second person" is on.
struct SecondPersonSystem {
  let system: TestSystem
  let one: Browser
  let two: Browser

  var ada: Browser { system.browser }
  var store: Store { system.store }
  var console: TestConsole { system.console }

  init(_ system: TestSystem) async throws {
    self.system = system
    one = try await system.console.browser(.operator)
    two = try await system.console.browser(.operator, 2)
    let settings = try await system.browser.get("/settings")
    #expect(settings.says("Second person Off"))
    let on = try await system.browser.submit(settings, "/settings/second-person")
    #expect(on.location == "/settings", "\(on.text)")
    #expect(try await system.browser.get("/settings").says("Second person On"))
  }

  /// Makes a plan and presses its button, which asks; the answer is the path of the request.
  func ask(_ browser: Browser, plan: String) async throws -> String {
    let page = try await browser.get(plan)
    let answer = try await browser.submit(page, plan + "/agreements", ["acceptProblems": "yes"])
    return try #require(answer.location, "\(answer.text)")
  }

  /// The path of a new plan.
  func plan() async throws -> String {
    let form = try await ada.get("/roots/\(system.newID)/update")
    let made = try await ada.submit(form, "/plans", ["months": "12", "https": "existing", "policy": "stop"])
    return try #require(made.location)
  }

  func answer(_ path: String, _ word: String, _ browser: Browser, reason: String = "") async throws -> Answer {
    let page = try await browser.get(path)
    let hash = HTML.first(#"name="hash" value="([0-9a-f]*)""#, in: page.html) ?? ""
    let token = try #require(page.csrfToken)
    return try await browser.post(
      path + "/answers", [("csrf", token), ("hash", hash), ("answer", word), ("reason", reason)])
  }

  func start(_ browser: Browser, plan: String) async throws -> Answer {
    try await browser.post(
      "/updates",
      [
        ("csrf", try await browser.token()), ("plan", String(plan.split(separator: "/").last ?? "")),
        ("acceptProblems", "yes"),
      ])
  }

  /// Another one's agreement to a request, and its hash, as the page of the request shows it.
  func id(_ path: String) throws -> Agreement.ID {
    Agreement.ID(rawValue: try #require(Int64(path.split(separator: "/").last ?? "")))
  }

  func standing(_ path: String) async throws -> Agreement.Standing {
    try await store.agreement(id(path)).standing
  }
}

/// Runs a test with such a system.
func withSecondPerson(_ body: (SecondPersonSystem) async throws -> Void) async throws {
  try await withSystem { try await body(try await SecondPersonSystem($0)) }
}

/// The code of the store's refusal; empty when there is none.
func refusal(_ body: () async throws -> Void) async -> String {
  do {
    try await body()
    return ""
  } catch {
    return (error as? StoreError)?.code ?? "\(error)"
  }
}
