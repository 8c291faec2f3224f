import Testing

@testable import Rotation

@Suite("The rows of actions") struct ActionRowTests {
  @Test("A row gives back what was put into it, of each kind by itself")
  func row() {
    var row = ActionRow()
    var expected: [ActionKind: ActionState] = [:]
    for (number, kind) in ActionKind.allCases.enumerated() {
      var state = ActionState()
      state.status = ActionState.Status.allCases[number % 5]
      state.attempts = number * 1_000_000
      state.failure = number % 2 == 0 ? Failure(code: "C\(number)", sentence: "It broke.", advice: "Mend it.") : nil
      state.isIgnored = number % 3 == 0
      state.skipped = number % 4 == 0 ? .aborted : nil
      row[kind] = state
      expected[kind] = state
    }
    for kind in ActionKind.allCases {
      #expect(row[kind] == expected[kind] && row.status(kind) == expected[kind]?.status)
    }
    var other = row
    #expect(other == row)
    other[.deploy]?.failure = nil
    #expect(other != row && other[.deploy]?.failure == nil && row[.deploy]?.failure != nil)
    for kind in ActionKind.allCases { other[kind] = nil }
    #expect(other == ActionRow() && other[.generate] == nil && other.status(.generate) == nil)
  }

  @Test("Of many rows one is changed and the others stay, in the copy alone", arguments: [0, 1, 64, 65, 200])
  func rows(count: Int) {
    let first = ActionRows(Array(repeating: ActionRow(), count: count))
    #expect(first.count == count)
    for index in first.indices {
      var second = first
      second[index].isSetAside = true
      #expect(second.indices.filter { second[$0].isSetAside } == [index])
      #expect(!first.contains(where: \.isSetAside) && first != second)
    }
  }
}
