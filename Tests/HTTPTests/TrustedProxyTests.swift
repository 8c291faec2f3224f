import Testing

@testable import HTTP

@Suite("Where a request comes from") struct TrustedProxyTests {
  private static func trust(_ ranges: [String], _ header: ForwardedHeader = .xForwardedFor) throws -> ProxyTrust {
    ProxyTrust(ranges: try ranges.map { text in try AddressRange(text) }, header: header)
  }

  private static let proxies = ["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"]

  /// What a proxy's header leads to. The peer is a trusted proxy unless a row says otherwise.
  struct Row: Sendable, CustomTestStringConvertible {
    let values: [String]
    let expected: String
    var peer = "10.1.2.3"
    var testDescription: String { "\(values) from \(peer)" }
  }

  @Test(
    "Of X-Forwarded-For the right-most address counts that is no trusted proxy's",
    arguments: [
      Row(values: ["198.51.100.4"], expected: "198.51.100.4"),
      Row(values: ["203.0.113.9, 198.51.100.4"], expected: "198.51.100.4"),
      Row(values: ["203.0.113.9, 198.51.100.4, 192.0.2.7, 10.9.9.9"], expected: "198.51.100.4"),
      Row(values: ["203.0.113.9", "198.51.100.4 ", "192.0.2.7"], expected: "198.51.100.4"),
      Row(values: ["2001:db8:9::1"], expected: "2001:db8:9::1"),
      Row(values: ["2001:DB8:9:0:0:0:0:1"], expected: "2001:db8:9::1"),
      Row(values: ["[2001:db8:9::1]:4711, 2001:db8:1:ffff::2"], expected: "2001:db8:9::1", peer: "2001:db8:1::1"),
      Row(values: ["198.51.100.4:4711"], expected: "198.51.100.4"),
      Row(values: ["::ffff:198.51.100.4"], expected: "198.51.100.4", peer: "::ffff:10.1.2.3"),
      // All of them are proxies: the first is where it began.
      Row(values: ["10.0.0.1, 10.0.0.2"], expected: "10.0.0.1"),
      Row(values: [], expected: "10.1.2.3"),
      Row(values: [""], expected: "10.1.2.3"),
      // What cannot be read ends the chain at the proxy that passed it on, whatever stands before it.
      Row(values: ["203.0.113.9, unknown"], expected: "10.1.2.3"),
      Row(values: ["203.0.113.9, , 10.0.0.2"], expected: "10.0.0.2"),
      Row(values: ["203.0.113.9, 198.51.100.4.5"], expected: "10.1.2.3"),
      Row(values: ["0x7f.1"], expected: "10.1.2.3"), Row(values: ["127.1"], expected: "10.1.2.3"),
      Row(values: ["198.51.100.04"], expected: "10.1.2.3"), Row(values: ["fe80::1%eth0"], expected: "10.1.2.3"),
      Row(values: ["[198.51.100.4]"], expected: "10.1.2.3"), Row(values: ["[::1"], expected: "10.1.2.3"),
      Row(values: ["[::1]x"], expected: "10.1.2.3"), Row(values: ["198.51.100.4:"], expected: "10.1.2.3"),
      Row(values: ["198.51.100.4:999999"], expected: "10.1.2.3"),
      Row(values: ["\"198.51.100.4\""], expected: "10.1.2.3"),
      Row(values: ["198.51.100.4\u{0}"], expected: "10.1.2.3"), Row(values: ["localhost"], expected: "10.1.2.3"),
      // Nobody vouches for the peer, so its word does not count.
      Row(values: ["198.51.100.4"], expected: "198.51.100.99", peer: "198.51.100.99"),
      Row(values: ["198.51.100.4"], expected: "192.0.2.8", peer: "192.0.2.8"),
      Row(values: ["198.51.100.4"], expected: "2001:db8:2::1", peer: "2001:db8:2::1"),
      Row(values: ["198.51.100.4"], expected: "fe80::1%eth0", peer: "fe80::1%eth0"),
      Row(values: ["198.51.100.4"], expected: "", peer: ""),
    ])
  func forwardedFor(_ row: Row) throws {
    let headers = Headers(
      row.values.map { ("X-Forwarded-For", $0) } + [("Forwarded", "for=203.0.113.200"), ("X-Real-IP", "203.0.113.201")])
    #expect(try Self.trust(Self.proxies).client(peer: row.peer, headers: headers) == row.expected)
  }

  @Test(
    "Forwarded is read as RFC 7239 has it, and a client cannot spoil what a proxy appends",
    arguments: [
      Row(values: ["for=198.51.100.4"], expected: "198.51.100.4"),
      Row(values: ["For=\"[2001:db8:9::1]:4711\";proto=https;by=10.0.0.1"], expected: "2001:db8:9::1"),
      Row(values: ["proto=http; for=\"198.51.100.4:80\" ;by=10.0.0.1, for=192.0.2.7"], expected: "198.51.100.4"),
      Row(values: ["for=203.0.113.9, for=198.51.100.4", "for=10.2.2.2"], expected: "198.51.100.4"),
      Row(values: ["for=\"203.0.113.9, for=198.51.100.4"], expected: "198.51.100.4"),
      Row(values: ["for=203.0.113.9;host=\"a, for=198.51.100.4"], expected: "198.51.100.4"),
      Row(values: ["for=203.0.113.9;for=203.0.113.10"], expected: "10.1.2.3"),
      Row(values: ["for=unknown"], expected: "10.1.2.3"), Row(values: ["for=_hidden"], expected: "10.1.2.3"),
      Row(values: ["198.51.100.4"], expected: "10.1.2.3"), Row(values: ["by=198.51.100.4"], expected: "10.1.2.3"),
      Row(values: ["for=\"198.51.100.4"], expected: "10.1.2.3"), Row(values: ["for="], expected: "10.1.2.3"),
      Row(values: ["for=\"a\\\"198.51.100.4\""], expected: "10.1.2.3"),
      Row(values: ["for=198.51.100.4"], expected: "198.51.100.99", peer: "198.51.100.99"),
    ])
  func forwarded(_ row: Row) throws {
    let headers = Headers(row.values.map { ("Forwarded", $0) } + [("X-Forwarded-For", "203.0.113.200")])
    #expect(try Self.trust(Self.proxies, .forwarded).client(peer: row.peer, headers: headers) == row.expected)
  }

  @Test("The longest header that a request can have is read in no time")
  func longest() throws {
    let trust = try Self.trust(Self.proxies)
    let chain = Array(repeating: "10.0.0.1", count: 20_000).joined(separator: ",")
    let duration = ContinuousClock().measure {
      #expect(trust.client(peer: "10.1.2.3", headers: Headers([("X-Forwarded-For", chain)])) == "10.0.0.1")
    }
    #expect(duration < .seconds(5))
  }

  @Test(
    "A range holds exactly the addresses that begin with its bits",
    arguments: [
      ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false),
      ("192.0.2.128/25", "192.0.2.128", true), ("192.0.2.128/25", "192.0.2.127", false),
      ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("192.0.2.7/32", "192.0.2.7", true),
      ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
      ("::1", "::1", true), ("::1/128", "::2", false), ("10.0.0.0/8", "a00::", false),
      ("128.0.0.0/1", "200.0.0.1", true),
    ])
  func ranges(_ range: String, _ address: String, _ isIn: Bool) throws {
    #expect(try AddressRange(range).contains(try #require(IPAddress(address))) == isIn)
  }

  @Test(
    "What is no range is refused with a sentence that says what to write",
    arguments: [
      ("", "no address"), ("localhost", "no address"), ("10.0.0.0/33", "from 1 to 32"), ("10.0.0.0/", "from 1 to 32"),
      ("10.0.0.0/x", "from 1 to 32"), ("10.0.0.0/-1", "from 1 to 32"), ("::/129", "from 1 to 128"),
      ("0.0.0.0/0", "from 1 to 32"), ("::/0", "from 1 to 128"), ("10.0.0.1/8", "Write 10.0.0.0/8."),
      ("2001:db8::1/32", "Write 2001:db8::/32."), ("10.0.0.0/8/8", "no address"), ("10.0.0/8", "no address"),
      ("[::1]", "no address"), ("10.0.0.0/999999999999999999999", "from 1 to 32"),
    ])
  func noRange(_ text: String, _ part: String) {
    let problem = #expect(throws: AddressRange.Problem.self) { try AddressRange(text) }
    #expect(problem?.sentence.contains(part) == true, "\(problem?.sentence ?? "")")
  }

  @Test("Ranges are written as they are read", arguments: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"])
  func written(_ text: String) throws {
    #expect(try AddressRange(text).description == text)
  }

  @Test("A customer's network is one address of IPv4 and a /64 of IPv6")
  func neighbourhood() throws {
    #expect(IPAddress("192.0.2.7")?.neighbourhood == "192.0.2.7")
    #expect(IPAddress("2001:db8:1:2:3:4:5:6")?.neighbourhood == "2001:db8:1:2::/64")
    #expect(IPAddress("::ffff:192.0.2.7")?.neighbourhood == "192.0.2.7")
  }

  @Test("The handler and the page of a refusal see the forwarded address, and a change holds from the next request on")
  func served() async throws {
    let proxies = TrustedProxies()
    try await withServer(
      {
        $0.proxies = proxies
        $0.problemPage = { problem, head in .text("refused \(head.remoteAddress)", status: problem.status) }
      }, handler: { .text($0.remoteAddress) }
    ) { server in
      let header = "X-Forwarded-For: 203.0.113.9, 198.51.100.4"
      #expect(try await server.get("/", header).text == "127.0.0.1")
      proxies.current = try Self.trust(["127.0.0.0/8"])
      #expect(try await server.get("/", header).text == "198.51.100.4")
      #expect(try await server.get("/", header, "Expect: nonsense").text == "refused 198.51.100.4")
      #expect(try await server.get("/", "Forwarded: for=198.51.100.4").text == "127.0.0.1")
      proxies.current = ProxyTrust()
      #expect(try await server.get("/", header).text == "127.0.0.1")
    }
  }
}
