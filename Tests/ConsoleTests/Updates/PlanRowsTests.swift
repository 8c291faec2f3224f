import Foundation
import HTTP
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The components on the page of a plan", .timeLimit(.minutes(2))) struct PlanRowsTests {
  /// A plan in which every tenth component has a problem; the last problem prevents the update.
  private func plan(_ count: Int) -> Plan {
    let now = TestClock.start
    let components = (1...count).map { number in
      var component = TestSystem.component("part-\(number)")
      component.id = Component.ID(rawValue: Int64(number))
      let problems =
        number % 10 == 0
        ? [Problem(code: "ODD", sentence: "Odd \(number).", advice: "Wait.", isBlocking: number + 10 > count)] : []
      return PlannedComponent(component: component, findings: Findings(), actions: [], problems: problems, notes: [])
    }
    return Plan(
      root: PlannedRoot(
        id: 1, name: "New", subject: "CN=New", key: RootKey(String(repeating: "a", count: 64)), notBefore: now,
        notAfter: now),
      months: 3, childNotAfter: now, policy: .stop, https: .existing, components: components, problems: [],
      refusals: [], estimatedSeconds: 1, madeAt: now)
  }

  private func names(_ pairs: KeyValuePairs<String, String>, _ plan: Plan) -> [String] {
    PlanRows(Form(fields: pairs.map { ($0.key, $0.value) })).selection(of: plan).shown.map(\.component.name)
  }

  @Test("So many as a page holds are shown in the plan's order; of more, those with problems come first, page by page")
  func order() {
    let few = plan(PlanRows.pageLength)
    #expect(names(["show": "problems", "page": "3"], few) == (1...PlanRows.pageLength).map { "part-\($0)" })
    #expect(PlanRows().model(PlanRows().selection(of: few), of: few, at: "/plans/1") == nil)

    let many = plan(250)
    let first = names([:], many)
    #expect(first.count == PlanRows.pageLength)
    #expect(first[0] == "part-10" && first[24] == "part-250" && first[25] == "part-1")
    let all = (1...7).flatMap { names(["page": "\($0)"], many) }
    #expect(all.count == 250 && Set(all).count == 250)
    #expect(names(["show": "problems"], many).count == 25)
    #expect(names(["name": "PART-24", "show": "ready"], many).contains("part-249"))
  }

  @Test("The page of a large plan lists the first of its problems, what prevents the update before all others")
  func page() async throws {
    try await withConsole { console in
      let id = try await console.store.savePlan(plan(1_000), files: [:])
      let browser = try await console.browser()
      let page = try await browser.get("/plans/\(id)")
      #expect(page.says("100 problems found beforehand") && page.says("And 50 more"))
      #expect(HTML.all(#"<p class="problem-title"><b>(part-\d+)"#, in: page.html).first == "part-1000")
      #expect(HTML.all(#"<span class="planned-name"><b>(part-\d+)"#, in: page.html).count == PlanRows.pageLength)
      #expect(page.says("1 to 40 of 1000 components"))
      #expect(page.body.count < 150_000)
      let next = try await browser.get("/plans/\(id)?show=ready&name=part-99&page=1")
      #expect(next.says("Filtered: 1 to 10 of 10 components"))
    }
  }
}
