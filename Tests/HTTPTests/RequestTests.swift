import Testing

@testable import HTTP

@Suite struct RequestTests {
  @Test("A request reaches the handler with its path, query and cookies decoded")
  func decoded() async throws {
    try await withServer(handler: echo) { server in
      let response = try await server.get(
        "/gr%C3%BC%C3%9Fe/a+b?name=J%C3%BCrgen+M&empty=&flag&name=zwei", "Cookie: a=1; b=\"zwei\"; a=3; kaputt")
      #expect(response.status == 200)
      #expect(
        response.text.split(separator: "\n") == [
          "GET /grüße/a+b", "query name=Jürgen M", "query empty=", "query flag=", "query name=zwei", "cookie a=1",
          "cookie b=zwei",
        ])
    }
  }

  @Test("Header names compare without regard to case, and Last-Event-ID is readable")
  func headers() async throws {
    try await withServer(handler: { request in
      .text("\(request.headers.first("last-event-id") ?? "none") \(request.headers.all("X-Many"))")
    }) { server in
      let response = try await server.get("/", "LAST-event-ID: 41", "x-many: a", "X-MANY:b  ")
      #expect(response.text == #"41 ["a", "b"]"#)
    }
  }

  @Test("The handler learns the client's address and that the connection is plain")
  func address() async throws {
    try await withServer(handler: { .text("\($0.remoteAddress) \($0.isSecure)") }) { server in
      let response = try await server.get("/")
      #expect(response.text == "127.0.0.1 false")
    }
  }

  @Test("HEAD gets the header of GET, with the length and without the body")
  func head() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      try await client.send(TestServer.request("HEAD", "/page"))
      let response = try await client.response(head: true)
      #expect(response.status == 200)
      #expect(response.header("content-length") == "10")
      try await client.send(TestServer.request("GET", "/next"))
      #expect(try await client.response().text == "GET /next")
    }
  }

  @Test("Several requests go over one connection, also when they come at once")
  func pipelined() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      let form = TestServer.post("/b", type: "application/x-www-form-urlencoded", body: Array("x=1".utf8))
      try await client.send(
        Array(TestServer.request("GET", "/a").utf8) + form + Array(TestServer.request("GET", "/c").utf8))
      #expect(try await client.response().text == "GET /a")
      #expect(try await client.response().text == "POST /b\nfield x=1")
      #expect(try await client.response().text == "GET /c")
    }
  }

  @Test("A body that is no form is given as bytes, also when it comes in small pieces")
  func bodies() async throws {
    try await withServer(handler: echo) { server in
      let json = Array(repeating: UInt8(ascii: "1"), count: 50_000)
      #expect(
        try await server.exchange(TestServer.post("/json", type: "application/json", body: json)).text
          == "POST /json\nbody 50000")

      let client = try RawClient(port: server.port)
      try await client.send(
        TestServer.request("PUT", "/c", ["Content-Type: application/json", "Content-Length: 15"]))
      for piece in ["a", "bcde", "0123456789"] { try await client.send(piece) }
      #expect(try await client.response().text == "PUT /c\nbody 15")
      try await client.send(TestServer.request("GET", "/next"))
      #expect(try await client.response().text == "GET /next")
    }
  }

  @Test("A client that asks first gets 100 Continue for a body that may come, and the refusal for one that may not")
  func expectContinue() async throws {
    try await withServer(handler: echo) { server in
      let client = try RawClient(port: server.port)
      let header = ["Content-Type: application/x-www-form-urlencoded", "Expect: 100-continue"]
      try await client.send(TestServer.request("POST", "/", header + ["Content-Length: 3"]))
      #expect(try await client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      try await client.send("a=b")
      #expect(try await client.response().text == "POST /\nfield a=b")

      let refused = try await server.exchange(TestServer.request("POST", "/", header + ["Content-Length: 9000000"]))
      #expect(refused.status == 413)
    }
  }

  @Test("Descriptions of forms and identities show no value")
  func descriptions() {
    let form = Form(fields: [("password", "geheim")])
    let identity = ServerIdentity(chainPEM: "chain", keyPEM: Array("geheim".utf8))
    for shown in ["\(form)", String(reflecting: form), "\(identity)", String(reflecting: Request(form: form))] {
      #expect(!shown.contains("geheim"))
    }
    var dumped = ""
    dump(Request(form: form), to: &dumped)
    dump(ServerConfiguration(identity: identity), to: &dumped)
    #expect(!dumped.contains("geheim"))
  }
}
