import Testing

@testable import reroot

@Suite("An answer over HTTP/1.1, as the command line reads it") struct HTTPReplyTests {
  /// Gives the text in pieces of a size, and then the end.
  private func reply(_ text: String, by size: Int = 1) throws -> HTTPReply {
    var rest = Array(text.utf8)[...]
    return try HTTPReply {
      let piece = Array(rest.prefix(size))
      rest = rest.dropFirst(size)
      return piece
    }
  }

  @Test("is read to the length that it says, in whatever pieces it comes", arguments: [1, 2, 7, 1_000])
  func counted(size: Int) throws {
    let reply = try reply(
      "HTTP/1.1 200 OK\r\nContent-Length:  5 \r\nX: a:b\r\nY:\u{301}\r\n\r\nhelloAND MORE", by: size)
    #expect(reply.status == 200)
    #expect(reply.fields["x"] == "a:b" && reply.fields["y"] == "\u{301}")
    #expect(try reply.all() == Array("hello".utf8))
    #expect(try reply.next() == nil)
  }

  @Test("is put together of its chunks", arguments: [1, 3, 1_000])
  func chunked(size: Int) throws {
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: x\r\n\r\n"
    #expect(try reply(text, by: size).all() == Array("hello".utf8))
  }

  @Test("has no body with 204, and one up to the end of the connection where no length is said")
  func others() throws {
    #expect(try reply("HTTP/1.1 204 No Content\r\n\r\n").all() == [])
    #expect(try reply("HTTP/1.1 200 OK\n\nhello").all() == Array("hello".utf8))
  }

  @Test(
    "that is none, or breaks off, is a failure and never a trap",
    arguments: [
      "", "SSH-2.0-x\r\n", "HTTP/1.1 abc\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\n",
      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "HTTP/1.1 99999999999999999999 x\r\n\r\n",
    ])
  func broken(text: String) {
    let failure = #expect(throws: CommandFailure.self) { _ = try reply(text).all() }
    #expect(failure?.status == .notConnected)
  }

  @Test("takes no more memory than it is given")
  func large() throws {
    #expect(throws: CommandFailure.self) { try reply("HTTP/1.1 200 OK\r\n\r\nhello", by: 100).all(limit: 4) }
    let head = "HTTP/1.1 200 OK\r\nX: " + String(repeating: "a", count: 70_000)
    #expect(throws: CommandFailure.self) { try reply(head, by: 4_096) }
  }

  @Test("as a stream gives each event once it is complete, with the identifier to go on from")
  func events() throws {
    var parser = ServerEventParser()
    let text = ": hello\n\nid: 1\nevent: entry\ndata: {\"a\":\ndata: 1}\n\nevent: update\ndata:x\r\n\r\nid: 2\n\ndata"
    var events: [ServerEvent] = []
    for byte in text.utf8 { events += try parser.take([byte]) }
    #expect(
      events == [
        ServerEvent(id: "1", name: "entry", data: "{\"a\":\n1}"), ServerEvent(id: "1", name: "update", data: "x"),
      ])
    let rest = try parser.take(Array(": y\n\n".utf8))
    #expect(rest == [ServerEvent(id: "2", name: "message", data: "y")])
  }

  @Test("that refuses is told in the server's words, with every error")
  func refusals() {
    let body =
      #"{"detail":"2 things are wrong.","code":"INVALID_INPUT","errors":[{"pointer":"/months","detail":"Too many."}]}"#
    let failure = APIClient.refusal(422, Array(body.utf8), of: "/roots")
    #expect(failure.status == .refused)
    #expect(failure.code == "INVALID_INPUT")
    #expect(failure.sentence == "2 things are wrong.\n  months: Too many.")
    #expect(APIClient.refusal(503, [], of: "/").status == .failed)
    #expect(APIClient.refusal(404, Array("<html>".utf8), of: "/").code == "HTTP_404")
  }

  @Test("is asked for with everything in a query written by its bytes")
  func encoding() { #expect(APIRequest.encoded("a b&c=ü/~") == "a%20b%26c%3D%C3%BC%2F~") }

  @Test("is asked for with a form, in which no name of a file ends its quotes")
  func form() {
    let bytes = FormPart.bytes(
      of: [FormPart("a", "b"), FormPart("f", file: "x\"\r\ny", bytes: [1, 2])], boundary: "B")
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.hasPrefix("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--B\r\n"))
    #expect(text.contains("filename=\"x%22%0D%0Ay\"\r\n"))
    #expect(text.hasSuffix("\r\n--B--\r\n"))
  }
}
