import Foundation
import Testing

@testable import HTTP

@Suite struct StaticFilesTests {
  private func withFiles(_ body: (StaticFiles, URL) async throws -> Void) async throws {
    try await withFolder { folder in
      let root = folder.appendingPathComponent("Public")
      try FileManager.default.createDirectory(
        at: root.appendingPathComponent("icons"), withIntermediateDirectories: true)
      try Data("body {}".utf8).write(to: root.appendingPathComponent("style.css"))
      try Data("<svg/>".utf8).write(to: root.appendingPathComponent("icons/ok.svg"))
      try Data("hidden".utf8).write(to: root.appendingPathComponent(".hidden"))
      try Data("secret".utf8).write(to: folder.appendingPathComponent("secret.txt"))
      try FileManager.default.createSymbolicLink(
        at: root.appendingPathComponent("link.txt"), withDestinationURL: folder.appendingPathComponent("secret.txt"))
      try await body(try StaticFiles(directory: root.path), root)
    }
  }

  @Test("A file is served with its type, and for ever under the address that names its content")
  func served() async throws {
    try await withFiles { files, _ in
      let address = files.url(for: "style.css")
      #expect(address.hasPrefix("/style.css?v="))
      try await withServer(handler: { files.response(for: $0.head) ?? .text("none", status: 404) }) { server in
        let response = try await server.get(address)
        #expect(response.text == "body {}")
        #expect(response.header("content-type") == "text/css; charset=utf-8")
        #expect(response.header("cache-control") == "public, max-age=31536000, immutable")
        #expect(response.header("x-content-type-options") == "nosniff")
        let plain = try await server.get("/icons/ok.svg")
        #expect(plain.text == "<svg/>")
        #expect(plain.header("content-type") == "image/svg+xml")
        #expect(plain.header("cache-control") == "no-cache")
        let stale = try await server.get("/style.css?v=0000")
        #expect(stale.header("cache-control") == "no-cache")
        let head = try await server.exchange(TestServer.request("HEAD", "/style.css"), head: true)
        #expect(head.header("content-length") == "7")
      }
    }
  }

  @Test("Whoever takes gzip gets a file compressed, under a tag of its own, unless it does not become smaller")
  func compressed() async throws {
    try await withFolder { folder in
      let text = String(repeating: ".status { color: red }\n", count: 500)
      try Data(text.utf8).write(to: folder.appendingPathComponent("long.css"))
      try Data("body {}".utf8).write(to: folder.appendingPathComponent("short.css"))
      try Data((0..<5_000).map { _ in UInt8.random(in: 0...255) }).write(to: folder.appendingPathComponent("noise.js"))
      let files = try StaticFiles(directory: folder.path)
      func answer(_ path: String, _ coding: String?, tag: String = "\"\"") throws -> Response {
        let headers = Headers([("If-None-Match", tag)] + (coding.map { [("Accept-Encoding", $0)] } ?? []))
        return try #require(files.response(for: Request(path: path, headers: headers).head))
      }
      let plain = try answer("/long.css", nil)
      #expect(plain.header("content-encoding") == nil && plain.header("vary") == "Accept-Encoding")
      for coding in ["gzip", "br, gzip;q=0.5", "*", "GZIP"] {
        let compressed = try answer("/long.css", coding)
        #expect(compressed.header("content-encoding") == "gzip", "\(coding)")
        guard case .bytes(let bytes) = compressed.body else {
          Issue.record("the body is no bytes")
          return
        }
        #expect(bytes.count < text.utf8.count / 20)
        #expect(try unpacked(bytes, in: folder) == text)
        let tag = try #require(compressed.header("etag"))
        #expect(tag != plain.header("etag") && compressed.header("vary") == "Accept-Encoding")
        #expect(try answer("/long.css", coding, tag: tag).status == 304)
        #expect(try answer("/long.css", nil, tag: tag).status == 200)
      }
      for coding in ["br", "gzip;q=0", "gzip;q=0.000, *", "*;q=0", ""] {
        #expect(try answer("/long.css", coding).header("content-encoding") == nil, "\(coding)")
      }
      for name in ["/short.css", "/noise.js"] {
        let same = try answer(name, "gzip")
        #expect(same.header("content-encoding") == nil && same.header("vary") == nil, "\(name)")
      }
    }
  }

  /// What gzip(1) makes of the bytes.
  private func unpacked(_ bytes: [UInt8], in folder: URL) throws -> String {
    let file = folder.appendingPathComponent("file.gz")
    try Data(bytes).write(to: file)
    let (program, output) = (Process(), Pipe())
    program.executableURL = URL(fileURLWithPath: "/usr/bin/gzip")
    program.arguments = ["-dc", file.path]
    program.standardOutput = output
    try program.run()
    let text = output.fileHandleForReading.readDataToEndOfFile()
    program.waitUntilExit()
    return String(decoding: text, as: UTF8.self)
  }

  @Test("A browser that has the file already gets 304", arguments: ["TAG", "W/TAG", "\"other\", TAG", "*"])
  func notModified(condition: String) async throws {
    try await withFiles { files, _ in
      let tag = try #require(files.response(for: Request(path: "/style.css").head)?.header("etag"))
      let known = condition.replacingOccurrences(of: "TAG", with: tag)
      let request = Request(path: "/style.css", headers: Headers([("If-None-Match", known)]))
      #expect(files.response(for: request.head)?.status == 304)
      #expect(
        files.response(for: Request(path: "/style.css", headers: Headers([("If-None-Match", "\"x\"")])).head)?.status
          == 200)
    }
  }

  @Test(
    "Nothing else exists",
    arguments: ["/", "/icons", "/.hidden", "/link.txt", "/../secret.txt", "/style.css/", "/STYLE.CSS", "/new.css"])
  func unknown(path: String) async throws {
    try await withFiles { files, root in
      try Data("late".utf8).write(to: root.appendingPathComponent("new.css"))
      #expect(files.response(for: Request(path: path).head)?.status == nil)
      #expect(files.response(for: Request(method: .post, path: "/style.css").head)?.status == nil)
    }
  }

  @Test("The address changes with the content, and an unknown name stays as it is")
  func versions() async throws {
    try await withFiles { files, root in
      try Data("body { }".utf8).write(to: root.appendingPathComponent("style.css"))
      #expect(try StaticFiles(directory: root.path).url(for: "style.css") != files.url(for: "style.css"))
      #expect(files.url(for: "none.css") == "/none.css")
    }
  }
}
