import Rotation
import Testing

@testable import Console

@Suite("What the API says to do") struct AdviceTests {
  /// What only a page has.
  private static let ofPages = ["tick", "box", "button", "click", "page", "menu", "navigation", "below"]

  @Test("never speaks of what only a page has, and the cause and the code are those of the page")
  func faces() throws {
    let starts: [any Error] =
      [
        UpdateRefusal.blocked, .problemsNotAccepted, .namesakeNotAccepted, .clock, .https("A sentence."),
        .outdated(["/etc/a"]), .unseen(["A reason."]), .needed("A sentence."), .halting,
      ] as [UpdateRefusal]
    let decisions: [any Error] =
      [Refusal.stale(asked: 1, current: 2), .notOffered(.retry), .unexpected("it moved")] as [Refusal]
    for error in starts + decisions {
      let problem = ProblemDetails(error)
      guard case .bytes(let bytes) = try problem.response().body else { return }
      let told = try JSONValue(parsing: bytes)
      let (detail, cause) = (told["detail"]?.text ?? "", told["cause"]?.text ?? "")
      #expect(told["code"]?.text == problem.code)
      #expect(!cause.isEmpty && detail.hasPrefix(cause) && problem.sentence.hasPrefix(cause), "\(error)")
      for word in Self.ofPages { #expect(!detail.lowercased().contains(word), "\(detail)") }
    }
  }
}
