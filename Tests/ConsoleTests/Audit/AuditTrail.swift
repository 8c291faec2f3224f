import Foundation
import Testing

@testable import Console
@testable import Store

/// What the audit log says of acts, one after the other, and which acts and entries there were.
final class AuditTrail {
  private(set) var routes: Set<String> = []
  private(set) var events: Set<AuditEvent> = []

  /// Who does something, as the log names them.
  enum Actor {
    case user(String)
    /// Nobody is signed in; the name of a user that was given, if one was.
    case stranger(String)
  }

  /// Does one act over a route, and looks at the entries that it left: those, by whoever did it, from where the browser is,
  /// at that time. What Reroot records by itself meanwhile is noted only.
  ///
  /// - Parameters:
  ///   - subject: what the last of the entries is about; nil for whatever it says.
  ///   - actors: who did it; one for all of the entries, or one for each.
  @discardableResult
  func act(
    _ route: String, _ expected: [AuditEvent], on subject: String? = nil, by actors: Actor...,
    in console: TestConsole, status: Int = 303, _ body: () async throws -> Answer
  ) async throws -> Answer {
    let before = try await console.store.lastAuditNumber()
    let answer = try await body()
    #expect(answer.status == status, "\(route): \(answer.text.prefix(400))")
    let added = try await console.store.auditEntries(after: before, limit: 100)
    note(added)
    routes.insert(route)
    let own = added.filter { $0.author != .reroot }
    #expect(own.map(\.event) == expected.map(\.rawValue), "\(route)")
    let doers = actors.count == own.count ? actors : own.map { _ in actors.first ?? .user(TestConsole.name) }
    for (entry, actor) in zip(own, doers) {
      #expect(entry.author.address == "127.0.0.1" && entry.at == console.clock.now, "\(route)")
      switch actor {
      case .user(let name): #expect(entry.author.kind == .user && entry.author.name == name, "\(route)")
      case .stranger(let name): #expect(entry.author.kind == .stranger && entry.author.name == name, "\(route)")
      }
    }
    if let subject { #expect(own.last?.subject == subject, "\(route)") }
    return answer
  }

  /// Notes everything that a console has recorded by now.
  func noteAll(_ console: TestConsole) async throws {
    note(try await console.store.auditEntries(after: 0, limit: 1000))
  }

  private func note(_ entries: [AuditEntry]) { events.formUnion(entries.compactMap { AuditEvent(rawValue: $0.event) }) }
}
