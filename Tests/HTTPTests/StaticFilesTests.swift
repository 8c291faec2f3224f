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
      try await withServer(handler: { files.response(for: $0) ?? .text("none", status: 404) }) { server in
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

  @Test("A browser that has the file already gets 304", arguments: ["TAG", "W/TAG", "\"other\", TAG", "*"])
  func notModified(condition: String) async throws {
    try await withFiles { files, _ in
      let tag = try #require(files.response(for: Request(path: "/style.css"))?.header("etag"))
      let known = condition.replacingOccurrences(of: "TAG", with: tag)
      let request = Request(path: "/style.css", headers: Headers([("If-None-Match", known)]))
      #expect(files.response(for: request)?.status == 304)
      #expect(
        files.response(for: Request(path: "/style.css", headers: Headers([("If-None-Match", "\"x\"")])))?.status == 200)
    }
  }

  @Test(
    "Nothing else exists",
    arguments: ["/", "/icons", "/.hidden", "/link.txt", "/../secret.txt", "/style.css/", "/STYLE.CSS", "/new.css"])
  func unknown(path: String) async throws {
    try await withFiles { files, root in
      try Data("late".utf8).write(to: root.appendingPathComponent("new.css"))
      #expect(files.response(for: Request(path: path))?.status == nil)
      #expect(files.response(for: Request(method: .post, path: "/style.css"))?.status == nil)
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
