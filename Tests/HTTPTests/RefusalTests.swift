import Testing

@testable import HTTP

/// What the server refuses before a handler sees it. Each row is sent as it is; the server answers with the status and
/// a sentence, and then answers the next request.
@Suite struct RefusalTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let request: String
    let status: Int
    let words: String
    var testDescription: String { name }

    init(_ name: String, _ request: String, _ status: Int, _ words: String) {
      self.name = name
      self.request = request
      self.status = status
      self.words = words
    }
  }

  private static let target: [Row] = [
    ("NUL in the path", "/a%00b", "control"), ("line break in the path", "/a%0Ab", "control"),
    ("two dots", "/a/../b", "segment"), ("two dots, encoded", "/a/%2e%2E/b", "segment"),
    ("one dot", "/a/./b", "segment"),
    ("dots at the end", "/a/..", "segment"), ("encoded slash", "/a%2Fb", "slash"),
    ("encoded backslash", "/a%5cb", "slash"), ("backslash", "/a\\b", "slash"),
    ("two slashes", "//evil.example/", "slashes"),
    ("percent sign alone", "/a%", "percent"), ("half an escape", "/a%2", "percent"),
    ("no hexadecimal", "/a%zz", "percent"),
    ("Latin-1 in the path", "/a%FC", "UTF-8"), ("overlong slash", "/a%C0%AFb", "UTF-8"),
    ("surrogate", "/a%ED%A0%80", "UTF-8"), ("raw bytes beyond ASCII", "/ü", "percent-encoded"),
    ("fragment", "/a#b", "percent-encoded"), ("absolute address", "http://localhost/a", "proxy"),
    ("asterisk", "*", "proxy"),
    ("broken escape in the query", "/?a=%", "percent"), ("NUL in the query", "/?a=%00", "NUL"),
    ("Latin-1 in the query", "/?a=%FC", "UTF-8"), ("space in the address", "/a b", "percent-encoded"),
  ].map { Row($0.0, TestServer.request("GET", $0.1), 400, $0.2) }

  private static let form = "Content-Type: application/x-www-form-urlencoded"

  private static let head: [Row] = [
    Row("no Host", "GET / HTTP/1.1\r\n\r\n", 400, "Host"),
    Row("empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "Host"),
    Row("two Hosts", TestServer.request("GET", "/", ["Host: other"]), 400, "more than one Host"),
    Row("Host that is a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "Host"),
    Row("HTTP/1.0", "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", 426, "HTTP/1.1"),
    Row("HTTP/1.2", "GET / HTTP/1.2\r\nHost: localhost\r\n\r\n", 426, "HTTP/1.1"),
    // Another major version of HTTP (RFC 9110, section 15.6.6).
    Row("HTTP/2.0", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505, ""),
    // A method that is known to nobody here (section 9.1).
    Row("unknown method", TestServer.request("BREW", "/"), 501, "method"),
    Row("method in small letters", TestServer.request("get", "/"), 501, "method"),
    Row("TRACE", TestServer.request("TRACE", "/"), 501, "method"),
    Row("method that is no token", TestServer.request("G(T", "/"), 400, "method"),
    Row("header without a colon", TestServer.request("GET", "/", ["nonsense"]), 400, ""),
    Row("space before the colon", TestServer.request("GET", "/", ["X-A : b"]), 400, "token"),
    Row("header name that is no token", TestServer.request("GET", "/", ["X(A): b"]), 400, "token"),
    Row("empty header name", TestServer.request("GET", "/", [": b"]), 400, ""),
    Row("control character in a header", TestServer.request("GET", "/", ["X-A: a\u{1}b"]), 400, "control"),
    Row("NUL in a header", TestServer.request("GET", "/", ["X-A: a\0b"]), 400, ""),
    Row("line feeds alone", "GET / HTTP/1.1\nHost: localhost\n\n", 400, "line feed"),
    Row("line feed after the request line", "GET / HTTP/1.1\nHost: localhost\r\n\r\n", 400, "line feed"),
    Row("line feed after a header", TestServer.request("GET", "/", ["X-A:b\nX-C:d"]), 400, "line feed"),
    Row("line feed after a space", TestServer.request("GET", "/", ["X-A: b \nX-C: d"]), 400, "line feed"),
    Row("line feed after the head", "GET / HTTP/1.1\r\nHost: localhost\r\n\n", 400, "line feed"),
    Row("NUL in a header without spaces", TestServer.request("GET", "/", ["X-A:b\0c", "X-D:e"]), 400, ""),
    Row("folded header without spaces", TestServer.request("GET", "/", ["X-A:b\r\n c", "X-D:e"]), 400, "folded"),
    Row("folded header", TestServer.request("GET", "/", ["X-A: a\r\n b"]), 400, "folded"),
    Row("NUL in the address", TestServer.request("GET", "/a\0b"), 400, ""),
    Row(
      "unknown expectation", TestServer.request("POST", "/", [form, "Content-Length: 1", "Expect: gold"]), 417,
      "expects"),
    Row("101 headers", TestServer.request("GET", "/", (0..<101).map { "X-\($0): a" }), 431, "header fields"),
    Row("long address", TestServer.request("GET", "/" + String(repeating: "a", count: 5000)), 414, "longer"),
    Row("many query fields", TestServer.request("GET", "/?" + String(repeating: "a&", count: 65)), 413, "query"),
  ]

  private static let framing: [Row] = [
    Row(
      "Content-Length with Transfer-Encoding",
      TestServer.request("POST", "/", [form, "Content-Length: 6", "Transfer-Encoding: chunked"], body: "0\r\n\r\nX"),
      400,
      "both"),
    Row(
      "Transfer-Encoding with Content-Length",
      TestServer.request("POST", "/", [form, "Transfer-Encoding: chunked", "Content-Length: 6"], body: "0\r\n\r\nX"),
      400,
      "both"),
    Row(
      "two lengths", TestServer.request("POST", "/", [form, "Content-Length: 3", "Content-Length: 3"], body: "a=b"),
      400, ""),
    Row("list of lengths", TestServer.request("POST", "/", [form, "Content-Length: 3, 3"], body: "a=b"), 400, ""),
    Row("negative length", TestServer.request("POST", "/", [form, "Content-Length: -3"], body: "a=b"), 400, ""),
    Row("length with a sign", TestServer.request("POST", "/", [form, "Content-Length: +3"], body: "a=b"), 400, ""),
    Row(
      "length that is no number", TestServer.request("POST", "/", [form, "Content-Length: 3x"], body: "a=b"), 400, ""),
    Row("empty length", TestServer.request("POST", "/", [form, "Content-Length:"], body: "a=b"), 400, ""),
    Row(
      "length beyond 64 bits", TestServer.request("POST", "/", [form, "Content-Length: 99999999999999999999"]), 413, ""),
    Row(
      "no chunks", TestServer.request("POST", "/", [form, "Transfer-Encoding: gzip"], body: "a"), 400, "encoding"
    ),
    Row(
      "encoding behind chunks",
      TestServer.request("POST", "/", [form, "Transfer-Encoding: chunked, gzip"], body: "0\r\n\r\n"), 400, "encoding"),
    // A coding that is known to nobody here, before chunked (RFC 9112, section 6.1).
    Row(
      "two encodings", TestServer.request("POST", "/", [form, "Transfer-Encoding: gzip, chunked"], body: "0\r\n\r\n"),
      501, "encoding"),
    Row(
      "encoding twice",
      TestServer.request(
        "POST", "/", [form, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], body: "0\r\n\r\n"),
      400, "encoding"),
    Row(
      "encoding with a vertical tab",
      TestServer.request("POST", "/", [form, "Transfer-Encoding: \u{B}chunked"], body: "0\r\n\r\n"), 400, "control"),
    Row("GET with a body", TestServer.request("GET", "/", [form, "Content-Length: 3"], body: "a=b"), 400, "must not"),
    Row(
      "chunks", TestServer.request("POST", "/", [form, "Transfer-Encoding: chunked"], body: "3\r\na=b\r\n0\r\n\r\n"),
      411, "Content-Length"),
    Row(
      "chunks with GET", TestServer.request("GET", "/", [form, "Transfer-Encoding: Chunked"], body: "0\r\n\r\n"), 411,
      "Content-Length"),
    Row(
      "body without a type", TestServer.request("POST", "/", ["Content-Length: 3"], body: "a=b"), 415, "Content-Type"),
    Row("two types", TestServer.request("POST", "/", [form, form, "Content-Length: 3"], body: "a=b"), 400, "two"),
    Row(
      "other multipart",
      TestServer.request("POST", "/", ["Content-Type: multipart/mixed", "Content-Length: 1"], body: "a"),
      415, "form-data"),
    Row(
      "broken escape in a form", TestServer.request("POST", "/", [form, "Content-Length: 3"], body: "a=%"), 400,
      "percent"),
    Row("NUL in a form", TestServer.request("POST", "/", [form, "Content-Length: 5"], body: "a=%00"), 400, "NUL"),
    Row(
      "Latin-1 in a form", TestServer.request("POST", "/", [form, "Content-Length: 5"], body: "a=%FC"), 400, "UTF-8"),
    Row(
      "over-long field",
      TestServer.request(
        "POST", "/", [form, "Content-Length: 65539"], body: "a=" + String(repeating: "b", count: 65537)),
      413, "“a”"),
    Row(
      "over-long field name",
      TestServer.request("POST", "/", [form, "Content-Length: 257"], body: String(repeating: "b", count: 257)), 413,
      "name"),
    Row(
      "3,000 fields",
      TestServer.request("POST", "/", [form, "Content-Length: 6000"], body: String(repeating: "a&", count: 3000)),
      413, "64"),
  ]

  @Test("Refused with a status and a sentence, and the next request is answered", arguments: target + head + framing)
  func refused(row: Row) async throws {
    try await withServer(handler: echo) { server in
      let response = try await server.exchange(row.request)
      #expect(response.status == row.status)
      #expect(row.words.isEmpty || response.text.contains(row.words), "\(response.text)")
      #expect(response.body.count > 20)
      let next = try await server.get("/next")
      #expect(next.text == "GET /next")
    }
  }

  @Test("What follows a refused request on its connection is not taken for a request")
  func nothingSmuggled() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      let smuggled = "0\r\n\r\n" + TestServer.request("GET", "/smuggled")
      try await client.send(
        TestServer.request(
          "POST", "/", [Self.form, "Content-Length: \(smuggled.utf8.count)", "Transfer-Encoding: chunked"],
          body: smuggled))
      let all = String(decoding: try await client.readToEnd(), as: UTF8.self)
      #expect(all.hasPrefix("HTTP/1.1 400 "))
      #expect(all.contains("\r\nConnection: close\r\n"))
      #expect(!all.contains("/smuggled"))
    }
  }

  @Test(
    "A body in chunks, whole or broken, never reaches the handler, nor does what follows it",
    arguments: [
      "zz\r\nab\r\n0\r\n\r\n", "-1\r\nab\r\n0\r\n\r\n", "2\r\nabXX0\r\n\r\n", "fffffffffffffffff\r\na\r\n0\r\n\r\n",
      "3\r\na=b\r\n0\r\n\r\n", "3\na=b\n0\n\n", "3;\na=b\r\n0\r\n\r\n",
    ].map { $0 + "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n" })
  func chunks(body: String) async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("POST", "/", [Self.form, "Transfer-Encoding: chunked"], body: body))
      client.finishSending()
      let all = String(decoding: (try? await client.readToEnd()) ?? [], as: UTF8.self)
      #expect(all.isEmpty || all.hasPrefix("HTTP/1.1 411 "))
      #expect(!all.contains("/smuggled"))
      let next = try await server.get("/next")
      #expect(next.text == "GET /next")
    }
  }

  @Test(
    "A length that is no number ends the connection: neither the request nor what follows it reaches a handler",
    arguments: ["+4", "-4", "0x4", "4, 4", "12345678901234567890123", "4 4", ""])
  func lengths(_ length: String) async throws {
    try await withServer(handler: { request in
      if request.path != "/next" { Issue.record("\(request.path) reached the handler") }
      return .text("next")
    }) { server in
      let client = try RawClient(port: server.port)
      let smuggled = TestServer.request("GET", "/smuggled")
      try await client.send(
        TestServer.request("POST", "/", [Self.form, "Content-Length: \(length)"], body: "a=bc" + smuggled))
      let all = String(decoding: try await client.readToEnd(), as: UTF8.self)
      #expect(all.hasPrefix("HTTP/1.1 400 ") || all.hasPrefix("HTTP/1.1 413 "), "\(all)")
      // libmicrohttpd's own words, twice: nothing of the request is in them.
      #expect(!all.contains("smuggled") && !all.contains("a=bc"))
      let next = try await server.get("/next")
      #expect(next.text == "next")
    }
  }

  @Test("A request whose connection ends in the middle reaches no handler")
  func cut() async throws {
    try await withServer(handler: { request in
      Issue.record("\(request.path) reached the handler")
      return .text("")
    }) { server in
      let whole = TestServer.request("POST", "/cut", [Self.form, "Content-Length: 10"], body: "a=b")
      for length in [1, 10, 30, whole.utf8.count] {
        let client = try RawClient(port: server.port)
        try await client.send(Array(whole.utf8.prefix(length)))
        client.finishSending()
        _ = try? await client.readToEnd()
      }
    }
  }

  @Test("A field as long as allowed, and as many as allowed, are taken")
  func boundaries() async throws {
    try await withServer(handler: { .text("\($0.form.fields.count) \($0.form["a"]?.utf8.count ?? 0)") }) { server in
      let type = "application/x-www-form-urlencoded"
      let long = Array(("a=" + String(repeating: "b", count: 65536)).utf8)
      let one = try await server.exchange(TestServer.post("/", type: type, body: long))
      #expect(one.text == "1 65536")
      let many = try await server.exchange(
        TestServer.post("/", type: type, body: Array(String(repeating: "a&", count: 64).utf8)))
      #expect(many.text == "64 0")
    }
  }

  @Test("The application draws the page of a refusal, and learns whom it is for")
  func ownPage() async throws {
    try await withServer(
      { configuration in
        configuration.problemPage = { problem, head in
          .html("<p>\(problem.sentence)</p><p>\(head.path) \(head.cookies["s"] ?? "")</p>", status: problem.status)
        }
      }, handler: echo
    ) { server in
      let response = try await server.exchange(
        TestServer.request("POST", "/roots/import?step=2", [Self.form, "Cookie: s=1", "Content-Length: 9000000"]))
      #expect(response.status == 413)
      #expect(response.text.contains("larger than 1088 KiB"))
      #expect(response.text.contains("/roots/import 1"))
    }
  }
}
