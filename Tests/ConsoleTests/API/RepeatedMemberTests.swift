import Testing

@testable import Console

@Suite("Members that stand twice in a JSON text") struct RepeatedMemberTests {
  @Test(
    "are found in every object, also where a name is written in another way",
    arguments: [
      (#"{"a":1,"a":2}"#, "a"), (#"{"a" : 1, "b": [ {"c": {"d":1, "d" :1}} ] }"#, "d"), (#"{"a":1,"\u0061":2}"#, "a"),
      (#"[{"x":"a","y":0,"x":"b"}]"#, "x"), (#"{"":1,"":2}"#, ""), (#"{"\"":1,"b":2,"\"":3}"#, "\""),
      (#"{"ü":1,"\u00fc":2}"#, "ü"),
    ])
  func found(_ text: String, _ name: String) { #expect(RepeatedMember.first(in: Array(text.utf8)) == name) }

  @Test(
    "are none where a name stands in another object, in a text, or as a value",
    arguments: [
      #"{"a":{"a":{"a":1}},"b":["a","a"]}"#, #"[{"a":1},{"a":1}]"#, #"{"a":"\"a\":1,\"a\":2","b":"a"}"#, #""a""#, "1",
      #"{"a\\":1,"a":2}"#, "{}", "[]", #"{"a":"b:","b":":"}"#,
    ])
  func none(_ text: String) { #expect(RepeatedMember.first(in: Array(text.utf8)) == nil) }

  @Test("are refused over the API with a code of their own, and nothing is done")
  func refused() async throws {
    try await withConsole { console in
      let program = try await Program(console)
      let refused = try await program.text(
        "PATCH", "/settings", #"{"expiryDays": 3, "expiryDays": 4}"#, type: "application/json")
      #expect(refused.status == 400 && refused.problemCode == "REPEATED_MEMBER", "\(refused)")
      #expect(try refused.json["detail"]?.text?.contains("“expiryDays” more than once") == true)
      #expect(try await program.get("/settings").json["expiryDays"] == 30)
    }
  }
}
