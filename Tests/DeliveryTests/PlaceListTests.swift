import Rotation
import Testing

@testable import Delivery

@Suite("A list of places to look at")
struct PlaceListTests {
  private func read(_ text: String) throws -> [String] {
    try PlaceList.places(in: text, usualPorts: [443, 8443]).map(\.address)
  }

  /// What is written, and the places that it means.
  static let good: [(String, [String])] = [
    ("web.example.net", ["web.example.net:443", "web.example.net:8443"]),
    ("WEB.example.net:5432", ["web.example.net:5432"]),
    ("192.0.2.7:1-3", ["192.0.2.7:1", "192.0.2.7:2", "192.0.2.7:3"]),
    ("web-1:443,8443, 65535", ["web-1:443", "web-1:8443", "web-1:65535"]),
    ("::1", ["[::1]:443", "[::1]:8443"]), ("[2001:db8::1]:636", ["[2001:db8::1]:636"]),
    ("[::1]", ["[::1]:443", "[::1]:8443"]),
    ("192.0.2.8/30:1", ["192.0.2.9:1", "192.0.2.10:1"]), ("192.0.2.8/31:1", ["192.0.2.8:1", "192.0.2.9:1"]),
    ("192.0.2.8/32:1", ["192.0.2.8:1"]), ("192.0.2.254-255:1", ["192.0.2.254:1", "192.0.2.255:1"]),
    ("192.0.2.255-192.0.3.1:1", ["192.0.2.255:1", "192.0.3.0:1", "192.0.3.1:1"]),
    ("# those of the plant\n\n a:1 \r\na:1\nb:1", ["a:1", "b:1"]),
  ]

  @Test("holds hosts, addresses, blocks and ranges, with ports or the usual ones, each place once")
  func reading() throws {
    for (text, places) in Self.good { #expect(try read(text) == places, "\(text)") }
  }

  /// What is written, and a part of what is said of it.
  static let bad: [(String, String)] = [
    ("", "at least one host"), ("# nothing", "at least one host"), ("a:0", "“0” is no port"),
    ("a:65536", "is no port"), ("a:9-8", "is no port"), ("a:", "is no port"), ("a:1-2-3", "is no port"),
    ("a:+1", "is no port"), ("a:1,", "is no port"), ("a\nb!:1", "Line 2: "), ("a\nb c:1", "Line 2: give one host"),
    ("a: 1", "one host to a line"),
    ("https://a", "leave out what stands before"),
    ("1.2.3:1", "looks like an IP address"), ("<script>:1", "not a host name"), ("192.0.2.0/33:1", "no IPv4 block"),
    ("192.0.2.0/0:1", "at most 4,096"), ("2001:db8::/64", "no IPv4 block"), ("[::1]443", "in brackets"),
    ("192.0.2.9-8:1", "is no range"), ("192.0.2.1-x:1", "is no range"), ("0.0.0.0-255.255.255.255:1", "more than 1024"),
    ("192.0.2.0/20:1", "more than 1024"), ("a:1-1025", "more than 1024"), ("192.0.2.0/24:1-5", "more than 1024"),
    ("a:1-1024\nb:1", "Line 2: this would be more than 1024"), (String(repeating: "a", count: 70_000), "longer than"),
  ]

  @Test("is refused with the line and what is possible")
  func refusals() {
    for (text, part) in Self.bad {
      do {
        let places = try read(text)
        Issue.record("\(text.prefix(80)) was taken: \(places.count) places")
      } catch let problem as PlaceProblem {
        #expect(problem.sentence.contains(part), "\(text.prefix(80)): \(problem.sentence)")
        #expect(problem.sentence.utf8.count < 300)
      } catch {
        Issue.record("\(error)")
      }
    }
  }

  @Test("may have 1,024 places and not one more")
  func limit() throws {
    #expect(try read("a:1-1024").count == 1_024)
    #expect(try read("192.0.0.0/22:1").count == 1_022)
    #expect(throws: PlaceProblem.self) { try read("a:1-1024\nb:2") }
  }
}

@Suite("The listening sockets of this machine")
struct ListeningSocketTests {
  private static let table = """
      sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
       0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0000 100 0 0 10 0
       1: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 777 1 0000 100 0 0 10 0
       2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 999 1 0000 100 0 0 10 0
       3: broken
       4: XX00007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5 1 0000 100 0 0 10 0
    """

  @Test("are the rows of the kernel's tables that listen, and rows of another shape are passed over")
  func parsing() {
    #expect(
      ListeningSockets.parse(Self.table, isIPv6: false) == [
        .init(address: "127.0.0.1", port: 8080, inode: 12_345), .init(address: "0.0.0.0", port: 443, inode: 777),
      ])
    let six = """
      head
       0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 42 1
       1: B80D0120000000000000000001000000:0001 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 43 1
      """
    #expect(ListeningSockets.parse(six, isIPv6: true).map(\.address) == ["::1", "2001:db8::1"])
    #expect(ListeningSockets.parse("", isIPv6: false).isEmpty && ListeningSockets.parse("\n\n", isIPv6: true).isEmpty)
  }

  @Test("name the program that listens, and are reached over loopback where they listen everywhere")
  func real() throws {
    // More of them than a page of the kernel's table holds.
    let listeners = try (0..<60).map { _ in try TestListener.mute() }
    let found = Set(ListeningSockets.all().map(\.port))
    #expect(listeners.allSatisfy { found.contains($0.port) })
    let listener = listeners[59]
    let socket = try #require(ListeningSockets.all().first { $0.port == listener.port })
    #expect(socket.address == "127.0.0.1")
    #expect(socket.process?.isEmpty == false)
    let everywhere = ["0.0.0.0", "::"].map { ListeningSocket(address: $0, port: 443, process: "nginx") }
    #expect(ListeningSockets.places(everywhere) == [Place(host: "127.0.0.1", port: 443, process: "nginx")])
  }

  @Test("are reached over IPv6 where they may listen there alone, and do where another has the port over IPv4")
  func overIPv6() {
    let alone = ListeningSocket(address: "::", port: 443, process: "java")
    #expect(
      ListeningSockets.places([alone]) == [Place(host: "127.0.0.1", port: 443, process: "java", otherHost: "::1")])
    let another = ListeningSocket(address: "0.0.0.0", port: 443, process: "nginx")
    #expect(
      ListeningSockets.places([another, alone]) == [
        Place(host: "127.0.0.1", port: 443, process: "nginx"), Place(host: "::1", port: 443, process: "java"),
      ])
  }
}
