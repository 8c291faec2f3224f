import Testing

@testable import Rotation

@Suite("Groups, notes and addresses of a component")
struct GroupAndAddressTests {
  private static func component(_ number: Int64 = 1, _ change: (inout Component) -> Void = { _ in }) -> Component {
    var component = Component(
      id: .init(rawValue: number), name: "c\(number)", names: [.dns("web.example")],
      files: FileLayout(combined: "/web/\(number).pem"))
    change(&component)
    return component
  }

  /// What is given, and where and how it is refused; nil where it is not.
  struct Row: Sendable {
    let name: String
    var refused: (field: String, part: String)?
    let change: @Sendable (inout Component) -> Void
  }

  private static func addressed(_ host: String, _ addresses: [String]?) -> @Sendable (inout Component) -> Void {
    { $0.endpoints = [Endpoint(host: host, port: 443, addresses: addresses)] }
  }

  static let rows = [
    Row(name: "500 characters of a note") { $0.maintenance = String(repeating: "ü", count: 500) },
    Row(name: "501 characters of a note", refused: ("maintenance", "at most 500")) {
      $0.maintenance = String(repeating: "ü", count: 501)
    },
    Row(name: "a note with a bell", refused: ("maintenance", "control characters")) { $0.maintenance = "a\u{7}" },
    Row(name: "a group of 64 characters") { $0.rollingGroup = String(repeating: "g", count: 64) },
    Row(name: "a group of 65 characters", refused: ("group", "at most 64")) {
      $0.rollingGroup = String(repeating: "g", count: 65)
    },
    Row(name: "a group without a name", refused: ("group", "Name the group")) { $0.rollingGroup = "" },
    Row(name: "a group with a space at its end", refused: ("group", "without spaces")) { $0.rollingGroup = "web " },
    Row(name: "addresses beside a host", change: addressed("web.example", ["192.0.2.1", "2001:db8::1"])),
    Row(name: "addresses without a host", change: addressed("", ["192.0.2.1", "2001:db8::1"])),
    Row(name: "32 addresses", change: addressed("web.example", (1...32).map { "192.0.2.\($0)" })),
    Row(
      name: "33 addresses", refused: ("endpoints.0.addresses", "at most 32"),
      change: addressed("web.example", (1...33).map { "192.0.2.\($0)" })),
    Row(
      name: "no host and no address", refused: ("endpoints.0.host", "Give a host name"), change: addressed("", [])),
    Row(
      name: "a name among the addresses", refused: ("endpoints.0.addresses", "belongs into the host"),
      change: addressed("", ["web.example"])),
    Row(
      name: "an address twice, in two ways of writing it", refused: ("endpoints.0.addresses", "twice"),
      change: addressed("", ["2001:db8::1", "2001:db8:0::1"])),
  ]

  @Test("are taken or refused with the field and what is possible")
  func validation() {
    for row in Self.rows {
      let problems = Self.component(1, row.change).problems()
      if let refused = row.refused {
        #expect(problems.map(\.field) == [refused.field], "\(row.name)")
        #expect(problems.first?.sentence.contains(refused.part) == true, "\(row.name): \(problems)")
      } else {
        #expect(problems == [], "\(row.name)")
      }
    }
  }

  @Test("A group in two stages is refused, for the component that leaves it; two groups may be in two stages")
  func stages() {
    func among(_ stages: [(Int, String?)]) -> [String] {
      Component.problems(
        among: stages.enumerated().map { index, row in
          Self.component(Int64(index)) {
            $0.stage = row.0
            $0.rollingGroup = row.1
          }
        }
      ).map { "\($0.index) \($0.problem.field): \($0.problem.sentence)" }
    }
    #expect(among([(1, "a"), (2, "b"), (1, "a"), (3, nil), (2, "b")]) == [])
    let problems = among([(1, "a"), (1, "a"), (2, "a")])
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("2 group: The group “a” is in stage 1, by “c0”") == true, "\(problems)")
  }

  @Test("Without a host each address is expected in the certificate; otherwise the server's name, or the host, at all")
  func expectedNames() {
    let two = ["192.0.2.1", "2001:db8::1"]
    #expect(Endpoint(host: "", port: 443, addresses: two).expectedNames == two)
    #expect(Endpoint(host: "", port: 443, addresses: two).expectedName(at: two[1]) == two[1])
    #expect(Endpoint(host: "", port: 443, addresses: two).address == "192.0.2.1:443, [2001:db8::1]:443")
    #expect(Endpoint(host: "web", port: 443, addresses: two).expectedNames == ["web"])
    #expect(Endpoint(host: "web", port: 443, serverName: "www", addresses: two).expectedName(at: two[0]) == "www")
  }
}
