import Console
import PKI

/// What a list of components changes, as text: the values that go and come, each with its path, as other tools show
/// differences.
enum ComponentDifferenceText {
  static func of(_ components: [JSONValue], isDryRun: Bool, hasColours: Bool) -> String {
    var lines: [String] = []
    for one in components where one.words("change") != "unchanged" {
      let name = VisibleText.of(one.words("name"))
      lines.append(Tint.bold.on("\(name): \(VisibleText.of(one.words("change"), limit: 40))", hasColours))
      lines += (one["removed"]?.elements ?? []).map { Tint.red.on("- " + VisibleText.of($0.text ?? ""), hasColours) }
      lines += (one["added"]?.elements ?? []).map { Tint.green.on("+ " + VisibleText.of($0.text ?? ""), hasColours) }
    }
    let kinds = ["added", "changed", "unchanged"]
    let counts = kinds.map { kind in "\(components.count { $0.words("change") == kind }) \(kind)" }
    lines.append(counts.joined(separator: ", ") + (isDryRun ? ". Nothing was done." : "."))
    return lines.joined(separator: "\n")
  }
}

/// What the test of a component has found, as text.
enum ComponentTestText {
  static func of(_ name: String, _ result: JSONValue) -> String {
    var lines = ["\(result["isFine"]?.flag == true ? "OK   " : "FAIL ") \(name)"]
    for problem in result["problems"]?.elements ?? [] {
      lines.append("       \(problem.words("sentence")) \(problem.words("advice"))")
    }
    for endpoint in result["endpoints"]?.elements ?? [] {
      let served = endpoint["served"].map { "\($0.words("subject")), until \($0["notAfter"]?.day ?? "")" }
      lines.append("       \(endpoint.words("endpoint")): \(served ?? endpoint.words("failure"))")
    }
    return lines.map { VisibleText.of($0) }.joined(separator: "\n")
  }
}
