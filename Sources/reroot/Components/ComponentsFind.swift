import ArgumentParser
import Console
import Foundation
import PKI

/// `reroot components find [PLACE…]`: what answers by TLS, and could be a component.
struct ComponentsFind: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "find", abstract: "Look for components: at hosts and ports, or where this machine's programs listen.",
    discussion: """
      The console connects to what is named and to nothing else. A place is a host or an address, a range of addresses, and \
      ports after a colon: web.example.net, 192.0.2.0/28:443,8443, 192.0.2.40-60:8883. Without any, it looks at the sockets on \
      which its own machine listens.

      Nothing is added. With --proposals, what could be added is printed as `reroot components apply` takes it, once the \
      files of each are named where they are not known.
      """)

  @Argument(help: "Where to look (default: at the console's own machine).")
  var places: [String] = []

  @Flag(help: "Print what could be added, in JSON that `apply` takes.")
  var proposals = false

  @OptionGroup var server: ServerOptions

  /// Between two questions how far the search has come, in seconds: a tenth of what a token may ask in a minute.
  private static let pause: UInt32 = 1

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let body: JSONValue = [
        "where": .string(places.isEmpty ? "machine" : "hosts"), "places": .array(places.map { .string($0) }),
      ]
      var search = try client.json(.post("/component-searches", [], .json(body), isRepeatable: true))
      while search.words("standing") == "running" {
        sleep(Self.pause)
        search = try client.json(.get("/component-searches/\(APIRequest.encoded(search.words("token")))"))
      }
      try show(search)
    }
  }

  private func show(_ search: JSONValue) throws {
    let found = search["places"]?.elements ?? []
    if proposals { return try Output.json(["components": .array(found.compactMap { $0["proposal"] })]) }
    if server.json { return try Output.json(search) }
    var table = Table("PLACE", "FOUND", "SUBJECT", "UNTIL", "COMPONENT")
    for one in found {
      let certificate = one["certificate"] ?? .null
      table.add(
        one.words("place"), Self.words(one), certificate.words("subject"), certificate["notAfter"]?.day ?? "",
        one["isConsole"]?.flag == true ? "this console" : one.words("component"))
    }
    Output.table(table, ifEmpty: "Nothing listens there.")
  }

  private static func words(_ place: JSONValue) -> String {
    switch place.words("result") {
    case "serves": "a certificate"
    case "noTLS": "no TLS: \(place.words("reason"))"
    case "silent": "no answer: \(place.words("reason"))"
    default: "not looked at"
    }
  }
}
