import Testing

@testable import HTTP

@Suite struct MultipartTests {
  private static let limits = FormLimits(fieldBytes: 100, fileBytes: 1000, parts: 4)
  private static let disposition = "Content-Disposition: form-data; name="

  private func parse(_ body: String, boundary: String = "B") throws -> Form {
    try MultipartForm.parse(Array(body.utf8), boundary: boundary, limits: Self.limits)
  }

  private static func part(_ header: String, _ content: String) -> String { "--B\r\n\(header)\r\n\r\n\(content)\r\n" }

  @Test("Fields and files are read as they were sent")
  func whole() throws {
    let form = try parse(
      Self.part("\(Self.disposition)\"password\"", "g%2B\r\nheim")
        + Self.part(
          "content-DISPOSITION: form-data; filename=\"root ü.pfx\"; name=file\r\nContent-Type: Application/X-PKCS12",
          "\0\r\n-B--\r\r\n\n--")
        + Self.part("\(Self.disposition)\"empty\"", "") + "--B--\r\n")
    #expect(form["password"] == "g%2B\r\nheim")
    #expect(form["empty"] == "")
    let file = try #require(form.file("file"))
    #expect(file.fileName == "root ü.pfx")
    #expect(file.contentType == "application/x-pkcs12")
    #expect(file.bytes == Array("\0\r\n-B--\r\r\n\n--".utf8))
  }

  @Test("A part in Base64 is what it stands for, in whatever lines it was sent")
  func base64() throws {
    let header = "Content-Transfer-Encoding: BASE64\r\n\(Self.disposition)"
    let form = try parse(
      Self.part("\(header)\"file\"; filename=\"root.pfx\"", "MIIA\r\n/w==\n") + Self.part("\(header)\"a\"", "w7w=")
        + "--B--")
    #expect(try #require(form.file("file")).bytes == [0x30, 0x82, 0, 0xFF])
    #expect(form["a"] == "ü")
  }

  @Test("A file field in which nothing was chosen is no file")
  func nothingChosen() throws {
    let form = try parse(Self.part("\(Self.disposition)\"file\"; filename=\"\"", "") + "--B--")
    #expect(form.files.isEmpty && form.fields.isEmpty)
  }

  @Test("A body without parts, a first line break and a part that ends with its header are read")
  func odd() throws {
    #expect(try parse("--B--").fields.isEmpty)
    #expect(try parse("\r\n--B  \r\n\(Self.disposition)\"a\"\r\n\r\n--B--").fields.map(\.value) == [""])
  }

  @Test(
    "A file's name loses its folders and what cannot be seen",
    arguments: [
      ("../../etc/passwd", "passwd"), ("C:\\\\dir\\\\root.pfx", "root.pfx"), ("a\u{202E}xfp.exe", "axfp.exe"),
      ("..", ""),
      ("a%22b%0D%0A.pfx", "a\"b.pfx"), ("a\\\"b", "a\"b"), ("dir/", ""), ("100%25.pfx", "100%25.pfx"),
      // An accent is one character with the mark before it, and ends or hides none.
      ("\u{301}root.pfx", "\u{301}root.pfx"), ("dir/\u{301}a", "\u{301}a"), ("a%22\u{301}b", "a\"\u{301}b"),
      (String(repeating: "ü", count: 200), String(repeating: "ü", count: 127)),
    ])
  func fileName(sent: String, expected: String) throws {
    let form = try parse(Self.part("\(Self.disposition)\"f\"; filename=\"\(sent)\"", "x") + "--B--")
    #expect(form.file("f")?.fileName == expected)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let body: String
    let status: Int
    let words: String
    var testDescription: String { name }
  }

  private static let good = part("\(disposition)\"a\"", "1")

  static let rows: [Row] = [
    Row(name: "empty body", body: "", status: 400, words: "boundary"),
    Row(name: "another boundary", body: "--C\r\n", status: 400, words: "boundary"),
    Row(name: "text before the first boundary", body: "hello\r\n" + good + "--B--", status: 400, words: "begin"),
    Row(name: "no last boundary", body: good, status: 400, words: "cut off"),
    Row(
      name: "cut in the content", body: good + "--B\r\n\(disposition)\"b\"\r\n\r\nhal", status: 400, words: "cut off"),
    Row(name: "cut in a header", body: good + "--B\r\nContent-Dispo", status: 400, words: "cut off"),
    Row(name: "cut in the boundary", body: String(good.dropLast(2)) + "\r\n--", status: 400, words: "cut off"),
    Row(name: "cut in the last dashes", body: good + "--B-", status: 400, words: "boundary"),
    Row(name: "goes on after its end", body: good + "--B--\r\n" + good, status: 400, words: "after its end"),
    Row(name: "boundary inside a line", body: good + "--Bogus\r\n", status: 400, words: "followed by"),
    Row(name: "part without a header", body: "--B\r\n\r\nx\r\n--B--", status: 400, words: "form-data"),
    Row(
      name: "part without a name", body: part("Content-Disposition: form-data", "x") + "--B--", status: 400,
      words: "no name"),
    Row(name: "empty name", body: part("\(disposition)\"\"", "x") + "--B--", status: 400, words: "no name"),
    Row(
      name: "file without a name", body: part("Content-Disposition: form-data; filename=\"f\"", "x") + "--B--",
      status: 400,
      words: "no name"),
    Row(
      name: "name twice", body: part("\(disposition)\"a\"; name=\"b\"", "x") + "--B--", status: 400, words: "form-data"),
    Row(name: "name without an end", body: part("\(disposition)\"a", "x") + "--B--", status: 400, words: "form-data"),
    Row(
      name: "control character in a name", body: part("\(disposition)\"a%0Ab\"", "x") + "--B--", status: 400,
      words: "control"),
    Row(
      name: "attachment", body: part("Content-Disposition: attachment; name=\"a\"", "x") + "--B--", status: 400,
      words: "form-data"),
    Row(
      name: "two dispositions", body: part("\(disposition)\"a\"\r\n\(disposition)\"b\"", "x") + "--B--", status: 400,
      words: "two"),
    Row(
      name: "filename*", body: part("\(disposition)\"a\"; filename*=UTF-8''x", "x") + "--B--", status: 400,
      words: "filename*"),
    Row(
      name: "quoted-printable",
      body: part("\(disposition)\"a\"\r\nContent-Transfer-Encoding: quoted-printable", "x") + "--B--", status: 400,
      words: "encoded"),
    Row(
      name: "no Base64", body: part("\(disposition)\"a\"\r\nContent-Transfer-Encoding: base64", "eA=") + "--B--",
      status: 400, words: "“a” of the form says that it is Base64"),
    Row(
      name: "Base64 with something else in it",
      body: part("\(disposition)\"a\"\r\nContent-Transfer-Encoding: base64", "e A==") + "--B--", status: 400,
      words: "is not"),
    Row(
      name: "NUL in Base64", body: part("\(disposition)\"a\"\r\nContent-Transfer-Encoding: base64", "AA==") + "--B--",
      status: 400, words: "NUL"),
    Row(
      name: "bare line feed in a header", body: "--B\r\n\(disposition)\"a\"\n\r\nx\r\n--B--", status: 400,
      words: "carriage"),
    Row(
      name: "folded header", body: part("\(disposition)\"a\"\r\n ; x=y", "x") + "--B--", status: 400,
      words: "name: value"),
    Row(name: "header without a colon", body: part("nonsense", "x") + "--B--", status: 400, words: "name: value"),
    Row(
      name: "NUL in a header", body: part("\(disposition)\"a\0b\"", "x") + "--B--", status: 400, words: "name: value"),
    Row(name: "NUL in a field", body: part("\(disposition)\"a\"", "x\0y") + "--B--", status: 400, words: "NUL"),
    Row(
      name: "two files under one name",
      body: part("\(disposition)\"f\"; filename=\"1\"", "x")
        + part("\(disposition)\"f\"; filename=\"2\"", "y") + "--B--", status: 400, words: "two files"),
    Row(name: "five parts", body: String(repeating: good, count: 5) + "--B--", status: 413, words: "4 parts"),
    Row(
      name: "field too long", body: part("\(disposition)\"a\"", String(repeating: "x", count: 101)) + "--B--",
      status: 413,
      words: "“a”"),
    Row(
      name: "file too large",
      body: part("\(disposition)\"f\"; filename=\"1\"", String(repeating: "x", count: 1001)) + "--B--",
      status: 413, words: "“f”"),
    Row(
      name: "name too long", body: part("\(disposition)\"\(String(repeating: "n", count: 257))\"", "x") + "--B--",
      status: 413,
      words: "name"),
    Row(
      name: "header too long",
      body: part("\(disposition)\"a\"\r\nX: \(String(repeating: "n", count: 5000))", "x") + "--B--",
      status: 413, words: "header"),
  ]

  @Test("A malformed form is refused with a sentence", arguments: rows)
  func malformed(row: Row) throws {
    let problem = try #require(throws: RequestProblem.self) { try parse(row.body) }
    #expect(problem.status == row.status)
    #expect(problem.sentence.contains(row.words), "\(problem.sentence)")
  }

  @Test("Every beginning of a form is refused, and none is taken for the whole")
  func everyCut() throws {
    let whole = Array((Self.good + Self.part("\(Self.disposition)\"f\"; filename=\"1\"", "content") + "--B--").utf8)
    for length in 0..<whole.count {
      #expect(throws: RequestProblem.self) {
        try MultipartForm.parse(Array(whole.prefix(length)), boundary: "B", limits: Self.limits)
      }
    }
  }

  @Test("Random bytes in a form never end the parser")
  func noise() {
    var random = SystemRandomNumberGenerator()
    let pieces = [
      "--B", "\r\n", "--", "\r", "\n", "Content-Disposition: form-data; name=\"a\"", ";", "\"", "filename=", "\0", "ü",
    ]
    for _ in 0..<3000 {
      let body = (0..<Int.random(in: 0..<20, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }
        .joined()
      _ = try? MultipartForm.parse(Array(body.utf8), boundary: "B", limits: Self.limits)
      _ = try? PartHeader(lines: [Array(body.utf8)[...]], limits: Self.limits)
    }
  }

  @Test(
    "A form's type must name its boundary",
    arguments: [
      "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
      "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a\u{1}\"",
      "multipart/form-data; boundary=" + String(repeating: "b", count: 71), "multipart/form-data; boundary=\"a ",
    ])
  func boundary(type: String) async throws {
    let body = Array("--a\r\n\(Self.disposition)\"x\"\r\n\r\n1\r\n--a--".utf8)
    try await withServer(handler: echo) { server in
      let response = try await server.exchange(TestServer.post("/", type: type, body: body))
      #expect(response.status == 400)
      let next = try await server.exchange(
        TestServer.post("/", type: "Multipart/Form-Data; boundary=\"a\"", body: body))
      #expect(next.text == "POST /\nfield x=1")
    }
  }

  @Test("3,000 parts and a file over 1 MiB are refused by the server, and a file of 1 MiB is taken")
  func limits() async throws {
    let header = "--B\r\n\(Self.disposition)\"file\"; filename=\"root.pfx\"\r\n\r\n"
    func upload(_ count: Int) -> [UInt8] {
      Array(header.utf8) + [UInt8](repeating: 7, count: count) + Array("\r\n--B--\r\n".utf8)
    }
    try await withServer(handler: echo) { server in
      let type = "multipart/form-data; boundary=B"
      let taken = try await server.exchange(TestServer.post("/", type: type, body: upload(1 << 20)))
      #expect(taken.text == "POST /\nfile file root.pfx application/octet-stream 1048576")
      let large = try await server.exchange(TestServer.post("/", type: type, body: upload(1 << 20 + 1)))
      #expect(large.status == 413)
      #expect(large.text.contains("1 MiB"))
      let parts = (0..<3000).map { "--B\r\n\(Self.disposition)\"p\($0)\"\r\n\r\nx\r\n" }.joined() + "--B--"
      let many = try await server.exchange(TestServer.post("/", type: type, body: Array(parts.utf8)))
      #expect(many.status == 413)
      #expect(many.text.contains("64 parts"))
      let next = try await server.get("/next")
      #expect(next.text == "GET /next")
    }
  }
}
