import Foundation
import Testing

@testable import HTTP

@Suite struct TLSTests {
  private func subject(_ server: TestServer, _ more: String...) async throws -> String {
    let result = try await run("openssl", ["s_client", "-connect", "127.0.0.1:\(server.port)"] + more)
    let line = result.output.split(separator: "\n").first { $0.hasPrefix("subject=") } ?? "none"
    return line.replacingOccurrences(of: " ", with: "")
  }

  private func withTLS(
    _ algorithm: [String] = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    handler: @escaping HTTPServer.Handler = { .text("\($0.isSecure) \($0.form.fields.count) \($0.body.count)") },
    _ body: (TestServer, TestKeys) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let keys = TestKeys(folder: folder)
      let identity = try await keys.identity("first", algorithm: algorithm)
      try await withServer({ $0.identity = identity }, handler: handler) { try await body($0, keys) }
    }
  }

  private func curl(_ server: TestServer, _ path: String = "/", _ more: String...) async throws -> String {
    try await run("curl", ["-sk", "--max-time", "20", "https://127.0.0.1:\(server.port)\(path)"] + more).output
  }

  @Test(
    "Requests are served over TLS with keys of the usual kinds",
    arguments: [["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], ["rsa:2048"], ["ed25519"]])
  func served(algorithm: [String]) async throws {
    try await withTLS(algorithm) { server, _ in
      let answer = try await curl(server)
      #expect(answer == "true 0 0")
      #expect(try await curl(server, "/", "--data", "a=1&b=2") == "true 2 0")
      #expect(try await subject(server) == "subject=CN=first")
    }
  }

  @Test("TLS 1.2 and 1.3 are spoken, older versions and exchanges without forward secrecy are not")
  func versions() async throws {
    try await withTLS(["rsa:2048"]) { server, _ in
      #expect(try await curl(server, "/", "--tlsv1.3") == "true 0 0")
      #expect(try await curl(server, "/", "--tls-max", "1.2") == "true 0 0")
      let old = try await run(
        "openssl",
        ["s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
      #expect(old.status != 0)
      let plain = try await run(
        "openssl", ["s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_2", "-cipher", "AES128-GCM-SHA256"])
      #expect(plain.status != 0)
    }
  }

  @Test(
    "Of TLS 1.2 only ciphers with authenticated encryption are spoken, to either kind of key",
    arguments: [(["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "ECDSA"), (["rsa:2048"], "RSA")])
  func ciphers(key: [String], kind: String) async throws {
    try await withTLS(key) { server, _ in
      func succeeds(_ cipher: String) async throws -> Bool {
        try await run(
          "openssl",
          [
            "s_client", "-connect", "127.0.0.1:\(server.port)", "-tls1_2", "-cipher",
            "ECDHE-\(kind)-\(cipher):@SECLEVEL=0",
          ]
        ).status == 0
      }
      for cipher in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"] {
        let isSpoken = try await succeeds(cipher)
        #expect(isSpoken, "\(cipher)")
      }
      for cipher in ["AES128-SHA", "AES256-SHA", "AES128-SHA256", "AES256-SHA384", "AES128-CCM", "AES256-CCM8"] {
        let isSpoken = try await succeeds(cipher)
        #expect(!isSpoken, "\(cipher)")
      }
    }
  }

  @Test("An upload of 1 MiB arrives over TLS, and one that is too large gets its 413 over TLS")
  func uploads() async throws {
    try await withTLS { server, keys in
      let file = keys.folder.appendingPathComponent("upload").path
      for (size, expected) in [(1 << 20, "true 0 1048576 200"), (8 << 20, " 413")] {
        try Data(repeating: 7, count: size).write(to: URL(fileURLWithPath: file))
        let answer = try await curl(
          server, "/", "-H", "Content-Type: application/octet-stream", "-H", "Expect:", "--data-binary", "@\(file)",
          "-w",
          " %{http_code}")
        #expect(answer.hasSuffix(expected), "\(answer)")
      }
    }
  }

  @Test("The certificate is exchanged under load: no handshake fails, and an open stream goes on")
  func exchange() async throws {
    let streams = Streams()
    try await withTLS(handler: { $0.path == "/events" ? .events(streams.make()) : .text("ok") }) { server, keys in
      let second = try await keys.identity("second")
      let third = try await keys.identity("third", algorithm: ["rsa:2048"])
      let stream = try Program("curl", ["-skN", "--max-time", "60", "https://127.0.0.1:\(server.port)/events"])
      _ = try await stream.read(until: ":\n\n")

      let load = (0..<3).map { _ in
        Task {
          var failed: [String] = []
          for _ in 0..<25 {
            let answer = try await curl(server)
            if answer != "ok" { failed.append(answer) }
          }
          return failed
        }
      }
      let exchanging = Task {
        var count = 0
        while !Task.isCancelled {
          try server.server.replaceIdentity(count % 2 == 0 ? second : third)
          count += 1
          try? await Task.sleep(for: .milliseconds(2))
        }
        return count
      }
      for task in load {
        let failed = try await task.value
        #expect(failed.isEmpty)
      }
      exchanging.cancel()
      #expect(try await exchanging.value > 20)

      try server.server.replaceIdentity(second)
      #expect(try await subject(server) == "subject=CN=second")
      try server.server.replaceIdentity(third)
      #expect(try await subject(server) == "subject=CN=third")
      streams.send(EventMessage(data: "still here"))
      _ = try await stream.read(until: "data: still here")
      stream.kill()
      _ = await stream.status()
      #expect(await eventually { streams.closed == 1 })
    }
  }

  @Test("A key that does not match, or an identity that cannot be read, is refused and changes nothing")
  func unusable() async throws {
    try await withTLS { server, keys in
      let other = try await keys.identity("other")
      let good = try await keys.identity("good")
      for (identity, words) in [
        (ServerIdentity(chainPEM: good.chainPEM, keyPEM: other.keyPEM), "does not belong"),
        (ServerIdentity(chainPEM: "", keyPEM: good.keyPEM), "chain"),
        (
          ServerIdentity(chainPEM: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", keyPEM: good.keyPEM),
          "chain"
        ),
        (ServerIdentity(chainPEM: good.chainPEM, keyPEM: []), "key"),
        (ServerIdentity(chainPEM: good.chainPEM + other.chainPEM, keyPEM: good.keyPEM), "chain"),
      ] {
        let error = try #require(throws: ServerError.self) { try server.server.replaceIdentity(identity) }
        #expect(error.code == .identityUnusable)
        #expect(error.sentence.contains(words), "\(error.sentence)")
      }
      #expect(try await subject(server) == "subject=CN=first")
    }
  }

  @Test("A server without an identity has none to exchange")
  func plain() async throws {
    try await withFolder { folder in
      let identity = try await TestKeys(folder: folder).identity("first")
      try await withServer(handler: echo) { server in
        #expect(throws: ServerError.self) { try server.server.replaceIdentity(identity) }
        let next = try await server.get("/next")
        #expect(next.status == 200)
      }
    }
  }

  @Test("What is not TLS is closed, and the next handshake succeeds")
  func noise() async throws {
    try await withTLS { server, _ in
      for bytes in [Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), [0x16, 3, 1, 255, 255, 1], [0, 0, 0, 0, 0, 0]] {
        let client = try RawClient(port: server.port)
        try await client.send(bytes)
        client.finishSending()
        _ = try? await client.readToEnd()
      }
      #expect(try await curl(server) == "true 0 0")
    }
  }
}
