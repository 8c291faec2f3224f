import Foundation
import Rotation
import Testing

@testable import Store

@Suite("What watching has seen", .timeLimit(.minutes(2))) struct WatchingTests {
  private func component(_ name: String) -> Component {
    Component(
      id: Component.ID(rawValue: 0), name: name, names: [.dns("\(name).example")],
      files: FileLayout(certificateChain: "/srv/\(name)/cert.pem", key: "/srv/\(name)/key.pem"),
      endpoints: [Endpoint(host: "\(name).example", port: 443)])
  }

  private func gone(_ component: Component, _ at: Date) -> WatchResult {
    WatchResult(
      component: component, served: [], isRight: false,
      findings: [WatchFinding(.noAnswer, at: component.endpoints[0].address, "Nothing answers.")], at: at)
  }

  @Test("10,000 components of which none answers any more are a few transactions and a few entries of the audit log")
  func many() async throws {
    let test = try TestSystem()
    let store = test.store
    _ = try await store.applyComponents((0..<10_000).map { component("c\($0)") })
    let components = try await store.components()
    let last = try await store.lastAuditNumber()
    let start = ContinuousClock.now
    var changed = 0
    for first in stride(from: 0, to: components.count, by: 200) {
      let batch = components[first..<first + 200].map { gone($0, test.clock.now) }
      changed += try await store.recordWatch(batch, against: nil)?.count ?? 0
    }
    print("10,000 components written in \(ContinuousClock.now - start)")
    #expect(changed == 10_000)
    #expect(ContinuousClock.now - start < .seconds(60))
    #expect(try await store.watchRecords().values.count { !$0.findings.isEmpty } == 10_000)
    let entries = try await store.auditEntries(after: last, limit: 10_000)
    #expect(entries.count == 50 && entries.allSatisfy { $0.event == "endpoint.differs" })
    #expect(entries.first?.subject == "200 components")
    // The same again changes nothing.
    let again = try await store.recordWatch(components[0..<200].map { gone($0, test.clock.now) }, against: nil)
    #expect(again?.isEmpty == true)
    #expect(try await store.lastAuditNumber() == entries.last?.number)
  }

  @Test("Ends that come near for many at once are an entry of their own, which names what was found")
  func manyEnds() async throws {
    let test = try TestSystem()
    _ = try await test.store.applyComponents((0..<60).map { component("c\($0)") })
    let components = try await test.store.components()
    let last = try await test.store.lastAuditNumber()
    let results = components.enumerated().map { index, component in
      let kind = index < 30 ? WatchFinding.Kind.expiring : .anotherCertificate
      return WatchResult(
        component: component, served: [], isRight: false,
        findings: [WatchFinding(kind, at: component.endpoints[0].address, "Seen.")], at: test.clock.now)
    }
    _ = try await test.store.recordWatch(results, against: nil)
    let entries = try await test.store.auditEntries(after: last, limit: 100)
    #expect(entries.map(\.subject) == ["30 components", "30 components"])
    #expect(entries.map { $0.details[Store.findingsKey] } == ["anotherCertificate", "expiring"])
  }

  @Test("What another certificate was seen is another finding, what has only other words is not")
  func sameness() {
    let finding = WatchFinding(.anotherCertificate, at: "a:1", "One.", fingerprint: "aa")
    #expect(finding.isSame(as: WatchFinding(.anotherCertificate, at: "a:1", "Two.", fingerprint: "aa")))
    #expect(!finding.isSame(as: WatchFinding(.anotherCertificate, at: "a:1", "One.", fingerprint: "bb")))
    #expect(!finding.isSame(as: WatchFinding(.anotherCertificate, at: "a:2", "One.", fingerprint: "aa")))
    #expect(!finding.isSame(as: WatchFinding(.retiredRoot, at: "a:1", "One.", fingerprint: "aa")))
  }
}
