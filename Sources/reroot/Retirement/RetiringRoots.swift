import ArgumentParser
import Console
import PKI

/// `reroot roots retiring`: earlier roots that are still trusted, imported or not.
struct RetiringRoots: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retiring", abstract: "List earlier roots that are still in the trust bundles.")

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await server.list(
      "/retiring-roots", ifEmpty: "No earlier root is trusted any more.",
      [
        ("NAME", { $0.words("name") }), ("ID", { $0.number("root") }),
        ("UNTIL", { $0["certificate"]?["notAfter"]?.day ?? "" }), ("SHA-256", { $0.words("fingerprint") }),
      ])
  }
}

/// `reroot roots dependents ROOT`: what still depends on an earlier root.
struct RootDependents: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dependents", abstract: "Say what still depends on an earlier root.",
    discussion: "Exit status: 0 when nothing does and it can be retired, 1 when something does.")

  @OptionGroup var root: RootArgument

  @Flag(help: "Look at every component anew.")
  var look = false

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let path = "/retiring-roots/\(try RetiringChoice.fingerprint(root.root, client))"
      let found = try client.json(look ? .post(path + "/looks") : .get(path + "/dependents"))
      if server.json {
        try Output.json(found)
      } else {
        for one in found["dependencies"]?.elements ?? [] {
          Output.line("\(one.words("name")), \(one.words("place")): \(one.words("sentence"))")
        }
        let isFree = found["isFree"]?.flag == true
        Output.line(isFree ? "Nothing depends on it. It can be retired." : "It cannot be retired yet.")
      }
      if found["isFree"]?.flag != true { throw ExitCode(1) }
    }
  }
}

/// Earlier roots by whatever they are called.
enum RetiringChoice {
  /// The fingerprint of a root that is given by its fingerprint, its name or the number of its import.
  static func fingerprint(_ text: String, _ client: APIClient) throws -> String {
    if let fingerprint = Fingerprint(hex: text)?.hex { return fingerprint }
    return try ItemChoice.find(
      text, among: try client.all("/retiring-roots"), what: "earlier root that is still trusted",
      list: "reroot roots retiring", number: "root"
    ).words("fingerprint")
  }
}
