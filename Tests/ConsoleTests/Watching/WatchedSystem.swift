import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

/// A system with a component “edge” whose real listener has got its certificate by an update.
struct WatchedSystem {
  let system: TestSystem
  let listener: TestListener
  let edge: Component.ID

  var console: TestConsole { system.console }
  var store: Store { system.store }
  var desk: WatchDesk { console.console.services.watching }
  var endpoint: String { "127.0.0.1:\(listener.port)" }

  /// Presses *Look now*, and gives back the list of the components.
  @discardableResult
  func lookNow() async throws -> Answer {
    // A session of its own: the clock of the test may have gone on by months.
    let browser = try await console.browser()
    return try await browser.follow(browser.submit(browser.get("/components"), "/components/looks"))
  }

  /// What the last look found.
  func findings(_ store: Store? = nil) async throws -> [WatchFinding.Kind] {
    try await (store ?? self.store).watchRecords()[edge]?.findings.map(\.kind) ?? []
  }

  /// What watching has recorded in the audit log, with the component.
  func recorded() async throws -> [String] {
    try await store.auditEntries(after: 0, limit: 10_000).filter { $0.event.hasPrefix("endpoint.") }
      .map { "\($0.event) \($0.subject ?? "-")" }
  }

  /// What watching has logged.
  func logged(_ console: TestConsole? = nil) -> [String] {
    (console ?? self.console).log.all.filter { $0.hasPrefix("endpoint differs") }
  }

  /// The certificate and key that were deployed.
  func deployed() throws -> Identity {
    let files = ["cert", "key"].map { system.targets.file("/srv/edge/\($0).pem")?.text ?? "" }
    return Identity(
      chain: try Certificate.parse(pem: files[0]), key: try PrivateKey(pem: SecretBytes(utf8: files[1])))
  }
}

/// Runs a test with such a system, after its update.
func withWatchedSystem(_ body: (WatchedSystem) async throws -> Void) async throws {
  try await EndpointTests().withListener { system, listener in
    #expect(try await system.settled(try await system.start()).outcome == .completed)
    try await body(WatchedSystem(system: system, listener: listener, edge: try system.id("edge")))
  }
}
