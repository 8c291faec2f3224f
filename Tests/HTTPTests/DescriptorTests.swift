import Foundation
import Testing

@testable import HTTP

@Suite struct DescriptorTests {
  /// Sockets of this machine at the server's end that some process still holds; closed ones that wait have no inode.
  private func held(_ port: UInt16) throws -> Int {
    let table = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
    let suffix = ":" + String(port, radix: 16, uppercase: true).leftPadded(to: 4)
    return table.split(separator: "\n").dropFirst().filter { line in
      let columns = line.split(separator: " ")
      return columns[1].hasSuffix(suffix) && columns[3] != "0A" && columns[9] != "0"
    }.count
  }

  private func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }

  @Test("After 1,000 connections, refused, cut and streaming ones among them, no socket is left")
  func connections() async throws {
    try await withServer(
      { $0.idleTimeout = .seconds(1) },
      handler: { request in
        request.path == "/events" ? .events(EventStream()) : .text("ok")
      }
    ) { server in
      let requests = [
        TestServer.request("GET", "/"), TestServer.request("GET", "/events"), TestServer.request("GET", "/../"),
        TestServer.request("POST", "/", ["Content-Type: a/b", "Content-Length: 9000000"], body: "abc"), "GET / HT", "",
        TestServer.request("POST", "/", ["Content-Type: a/b", "Content-Length: 10"], body: "abc"),
        "\u{16}\u{3}\u{1}", TestServer.request("GET", "/", ["X: \(String(repeating: "x", count: 30_000))"]),
        TestServer.request("GET", "/", ["Connection: close"]),
      ]
      for number in 0..<1000 {
        let client = try RawClient(port: server.port)
        try? await client.send(requests[number % requests.count])
        if number % 3 == 0, !requests[number % requests.count].isEmpty { client.finishSending() }
      }
      #expect(await eventually { server.server.openConnections == 0 })
      #expect(await eventually { (try? held(server.port)) == 0 })
    }
  }

  @Test("A server that was stopped holds no descriptor")
  func servers() async throws {
    let before = try openDescriptors()
    for _ in 0..<60 {
      try await withServer(handler: echo) { server in
        let response = try await server.get("/")
        #expect(response.status == 200)
      }
    }
    // Other tests open and close theirs at the same time, so this waits for them; 60 leaks would not go away.
    #expect(await eventually { ((try? openDescriptors()) ?? .max) < before + 30 })
  }
}

extension String {
  fileprivate func leftPadded(to length: Int) -> String {
    String(repeating: "0", count: max(0, length - count)) + self
  }
}
