import Console
import Testing

@testable import reroot

@Suite("The name of a value that the server refuses") struct GivenNameTests {
  @Test(
    "is the option by which it was given, or what the API calls it",
    arguments: [
      ("reason", ["roots", "remove", "4", "--reason", ""], "--reason"),
      ("/onFailure", ["plan", "--on-failure=x"], "--on-failure"), ("/watchMinutes", ["watchMinutes=9"], "watchMinutes"),
      ("/components/0/files", ["--json"], "/components/0/files"), ("", ["--reason"], ""),
      ("reason", ["-reason"], "reason"),
    ])
  func names(_ pointer: String, _ arguments: [String], _ name: String) {
    #expect(GivenName.of(pointer, arguments) == name)
  }

  @Test("stands before a single sentence once, and before each of several")
  func sentences() throws {
    func said(_ detail: String, _ errors: [JSONValue]) throws -> String {
      let problem: JSONValue = ["code": "INVALID_INPUT", "detail": .string(detail), "errors": .array(errors)]
      return APIClient.refusal(422, try problem.bytes(), of: "/settings").sentence
    }
    let one: JSONValue = ["pointer": "/watchMinutes", "detail": "It must be from 0 to 10080."]
    #expect(try said("watchMinutes: It must be from 0 to 10080.", [one]) == "watchMinutes: It must be from 0 to 10080.")
    #expect(try said("Wrong.", [["pointer": "", "detail": "Wrong."]]) == "Wrong.")
    #expect(
      try said("2 things.", [one, ["pointer": "/a", "detail": "It."]])
        == "2 things.\n  watchMinutes: It must be from 0 to 10080.\n  a: It.")
  }
}
