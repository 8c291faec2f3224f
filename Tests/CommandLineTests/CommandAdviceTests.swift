import Console
import Testing

@testable import reroot

@Suite("What to do about a refusal, on the command line") struct CommandAdviceTests {
  private func sentence(
    _ code: String, _ members: JSONValue, of path: String = "/updates/7/decisions"
  ) throws -> String {
    guard case .object(var all) = members else { return "" }
    all["code"] = .string(code)
    return APIClient.refusal(409, try JSONValue.object(all).bytes(), of: path).sentence
  }

  @Test(
    "names the option that accepts it in the place of what the API says, behind the server's own cause",
    arguments: [
      ("PROBLEMS_NOT_ACCEPTED", "--accept-problems"), ("NAMESAKE_NOT_ACCEPTED", "--accept-namesake"),
      ("WARNINGS_NOT_ACCEPTED", "--accept-warnings"), ("DECISION_STALE", "reroot update show 7"),
      ("UPDATE_MOVED_ON", "reroot update show 7"), ("DECISION_NOT_OFFERED", "reroot update show 7"),
      ("RESTORED_NOT_SEEN", "reroot restoration show, reroot restoration confirm"),
    ])
  func options(_ code: String, _ option: String) throws {
    let said = try sentence(code, ["cause": "There is a cause.", "detail": "There is a cause. Send `x` as true."])
    #expect(said.hasPrefix("There is a cause. ") && said.contains(option) && !said.contains("`x`"), "\(said)")
  }

  @Test("names no number where none was asked for")
  func noNumber() throws {
    for path in ["/updates", "/agreements/7/answers", "/updates/last"] {
      let said = try sentence("DECISION_STALE", ["detail": "A sentence."], of: path)
      #expect(said == "A sentence. See where it stands: reroot update show")
    }
  }

  @Test("is the server's own sentence for everything else, with what is wrong where")
  func others() throws {
    let said = try sentence(
      "INVALID_INPUT", ["detail": "Two things.", "errors": [["pointer": "/a", "detail": "One."], ["detail": "Two."]]])
    #expect(said == "Two things.\n  a: One.\n  Two.")
  }
}
