import Foundation
import HTTP
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("The components on the page of an update", .timeLimit(.minutes(2))) struct UpdateRowsTests {
  private static func id(_ number: Int) -> Component.ID { Component.ID(rawValue: Int64(number)) }

  /// An update that has begun: number 170 of 250 has failed, and so was ignored; 1 to 100 have a certificate.
  private func begun(_ count: Int = 250) throws -> UpdateState {
    let old = RootKey(String(repeating: "a", count: 64))
    let members = (1...count).map { number in
      Course.Member(
        id: Self.id(number), name: "Part \(number)", stage: 1, presentsBefore: old, acceptsBefore: nil, peers: nil)
    }
    var state = UpdateState(
      course: Course(
        members: members, root: RootKey(String(repeating: "b", count: 64)), policy: .continue,
        changesHTTPS: false, parallel: 4, keepsTrust: true))
    var waiting = try state.apply(.started(by: "ada"))
    var finished = 0
    while finished < 230, case .perform(let action, let attempt)? = waiting.first {
      waiting.removeFirst()
      let isBroken = action.component == Self.id(170)
      waiting += try state.apply(
        isBroken
          ? .actionFailed(action, attempt: attempt, Failure(code: "BROKEN", sentence: "It is broken.", advice: "Wait."))
          : .actionSucceeded(action, attempt: attempt))
      finished += 1
    }
    return state
  }

  private func query(_ pairs: KeyValuePairs<String, String>) -> UpdateRows {
    UpdateRows(Form(fields: pairs.map { ($0.key, $0.value) }))
  }

  private func names(_ rows: UpdateRows, _ state: UpdateState) -> [String] {
    rows.selection(of: state).shown.map(\.name)
  }

  @Test("So many as a page holds are shown in their order; of more, what failed comes first, then what is worked on")
  func order() throws {
    let few = try begun(UpdateRows.pageLength)
    #expect(names(query(["show": "failed", "page": "7"]), few) == (1...UpdateRows.pageLength).map { "Part \($0)" })
    #expect(UpdateRows().model(UpdateRows().selection(of: few), of: few, at: "/updates/1") == nil)

    let state = try begun()
    let running = state.actionsInFlight.keys.compactMap(\.component).sorted().map { "Part \($0)" }
    #expect(running.count == 4)
    let shown = names(UpdateRows(), state)
    #expect(shown.count == UpdateRows.pageLength)
    #expect(shown[0] == "Part 170" && Array(shown[1...4]) == running && shown[5] == "Part 1")
  }

  @Test("The pages together show each component once, and one behind the last is the last")
  func pages() throws {
    let state = try begun()
    var seen: [String] = []
    for page in 1...4 { seen += names(query(["page": "\(page)"]), state) }
    #expect(seen.count == 250 && Set(seen).count == 250)
    #expect(names(query(["page": "900"]), state) == names(query(["page": "4"]), state))
    for odd in ["0", "-4", "x", "99999999999999999999"] {
      #expect(names(query(["page": odd]), state) == names(UpdateRows(), state), "\(odd)")
    }
    #expect(names(query(["show": "nothing"]), state) == names(UpdateRows(), state))
  }

  @Test("Names and where they stand keep back the others, and the links keep the filter")
  func filter() throws {
    let state = try begun()
    #expect(names(query(["show": "failed"]), state) == ["Part 170"])
    #expect(names(query(["name": "PART 17"]), state) == ["Part 170", "Part 17"] + (171...179).map { "Part \($0)" })
    #expect(names(query(["name": "part 24", "show": "waiting"]), state).contains("Part 249"))
    let rows = query(["name": "Part &", "show": "waiting"])
    #expect(names(rows, state).isEmpty)
    let nothing = try #require(rows.model(rows.selection(of: state), of: state, at: "/updates/1"))
    #expect(nothing["range"] as? String == "Filtered: no component")
    let waiting = query(["show": "waiting", "name": "part"])
    let model = try #require(waiting.model(waiting.selection(of: state), of: state, at: "/updates/1"))
    #expect((model["next"] as? PageModel)?["href"] as? String == "/updates/1?show=waiting&name=part&page=2")
    #expect(model["previous"] == nil)
    #expect(model["isFiltered"] as? Bool == true)
  }

  @Test("Of a large system no decision sends all rows to everybody; each page is told to ask for those that it shows")
  func redraw() async throws {
    try await withSystem(["web"]) { system in
      var system = system
      for number in 1...100 {
        try TestSystem.placeFiles("part-\(number)", system.old, in: system.targets, number: UInt32(number))
        system.components.append(
          try await system.store.addComponent(TestSystem.component("part-\(number)", stage: 2)))
      }
      system.targets.arm(.activate, at: "part-100", times: 1)
      let id = try await system.start()
      #expect(try await system.settled(id).openFailures.count == 1)
      let page = try await system.browser.get("/updates/\(id)")
      #expect(HTML.all(#"<tr id="(component-\d+)""#, in: page.html).count == UpdateRows.pageLength)
      #expect(HTML.all(#"<th scope="row">(part-\d+)"#, in: page.html).first == "part-100")
      #expect(page.says("1 to 80 of 101 components"))
      let reader = try await system.browser.events(
        "/updates/\(id)/events?after=\(try await system.store.lastSequence(id))")
      #expect(try await system.decide(id, .retry).outcome == .completed)
      try await eventually("The end has come") { reader.text.contains("\"hasEnded\":true") }
      #expect(reader.text.contains("\"redraw\":\"rows\""))
      reader.close()
      let rest = try await system.browser.get("/updates/\(id)?page=2")
      #expect(HTML.all(#"<tr id="(component-\d+)""#, in: rest.html).count == 21)
    }
  }
}
