import Foundation
import Glibc
import PKI
import Testing

@testable import Store

@Suite("reroot serve", .timeLimit(.minutes(3))) struct ServeTests {
  /// Waits until the server says where it is.
  private func start(_ folder: String, _ words: String...) async throws -> (process: RerootProcess, port: String) {
    let process = try RerootProcess(["serve", "--data", folder, "--listen", "127.0.0.1:0"] + words)
    let line = try await process.waits(for: "Reroot serves https://127\\.0\\.0\\.1:[0-9]+\n")
    return (process, String(line.split(separator: ":").last?.dropLast() ?? ""))
  }

  private func refused(_ ended: Ended, _ part: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(ended.status == 1, sourceLocation: sourceLocation)
    #expect(ended.complaints.count == 1, "\(ended)", sourceLocation: sourceLocation)
    #expect(ended.complaints.first?.contains(part) == true, "\(ended)", sourceLocation: sourceLocation)
    #expect(!ended.output.contains("Reroot serves"), sourceLocation: sourceLocation)
  }

  @Test("The first start prints the address and a link, SIGTERM ends it with status 0")
  func firstStart() async throws {
    let folder = try TemporaryFolder()
    let (process, port) = try await start(folder.path + "/data")
    let link = try await process.waits(for: "https://127\\.0\\.0\\.1:\(port)/setup/\\S+")
    #expect(link.count > 60)
    process.terminate()
    let ended = await process.end()
    #expect(ended.status == 0)
    #expect(ended.output.hasSuffix("Reroot has stopped.\n"))
  }

  @Test("What is less severe than --log-level is not logged", arguments: [("notice", true), ("warning", false)])
  func level(_ level: String, _ isLogged: Bool) async throws {
    let folder = try TemporaryFolder()
    let (process, _) = try await start(folder.path + "/data", "--log-level", level)
    process.terminate()
    let ended = await process.end()
    #expect(ended.status == 0)
    // “serving” and “stopping” are notices.
    #expect(ended.error.contains(" notice ") == isLogged, "\(ended.error)")
  }

  @Test("SIGTERM ends the program within five seconds, with an event stream open")
  func termination() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let prepared = try await PreparedFolder(data)
    let (process, port) = try await start(data)
    let curl = try CurlStream(
      "https://127.0.0.1:\(port)/updates/\(prepared.update)/events", cookie: prepared.cookie, in: folder)
    try await curl.waitsForMessage()
    let start = ContinuousClock.now
    process.terminate()
    let ended = await process.end()
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(ended.status == 0)
    #expect(await curl.end() == 0)
  }

  @Test("A proxy of the command line is trusted, and the page Settings says so")
  func trustedProxy() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let prepared = try await PreparedFolder(data)
    let (process, port) = try await start(
      data, "--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "2001:db8::7", "--forwarded-header", "forwarded",
      "--log-level", "debug")
    let page = folder.path + "/page"
    let curl = try await finished(
      "curl", "-sk", "--max-time", "20", "-o", page, "-H", "Cookie: \(prepared.cookie)", "-H",
      "Forwarded: for=203.0.113.9, for=198.51.100.4", "-H", "X-Forwarded-For: 203.0.113.10",
      "https://127.0.0.1:\(port)/settings")
    #expect(curl == 0)
    #expect(try String(contentsOfFile: page, encoding: .utf8).contains("127.0.0.0/8 and 2001:db8::7"))
    process.terminate()
    let ended = await process.end()
    #expect(ended.status == 0)
    #expect(ended.error.contains("client=198.51.100.4"))
    #expect(!ended.error.contains("203.0.113."))
  }

  @Test(
    "What is no address of a proxy is one sentence before anything is opened",
    arguments: ["10.0.0.1/8", "proxy", "::/0"])
  func noProxy(_ text: String) async throws {
    let folder = try TemporaryFolder()
    let ended = try await reroot("serve", "--data", folder.path + "/data", "--trusted-proxy", text)
    #expect(ended.status == 64)
    #expect(ended.complaints.first?.contains("--trusted-proxy") == true, "\(ended)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/data"))
  }

  /// Runs a program to its end; the status.
  private func finished(_ words: String...) async throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    try process.run()
    return await withCheckedContinuation { continuation in
      DispatchQueue(label: "program").async {
        process.waitUntilExit()
        continuation.resume(returning: process.terminationStatus)
      }
    }
  }

  @Test("A port that is taken is one sentence and status 1")
  func portTaken() async throws {
    let folder = try TemporaryFolder()
    let (process, port) = try await start(folder.path + "/one")
    let ended = try await reroot("serve", "--data", folder.path + "/two", "--listen", "127.0.0.1:\(port)")
    refused(ended, port)
    process.terminate()
    #expect(await process.end().status == 0)
  }

  @Test("A second server on the folder, and a command beside it, are one sentence and status 1")
  func secondServer() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let (process, _) = try await start(data)
    refused(try await reroot("serve", "--data", data, "--listen", "127.0.0.1:0"), "Another Reroot is running")
    let list = try folder.write("components: []\n", to: "list.yaml")
    refused(try await reroot("components", "apply", list, "--data", data), "Another Reroot is running")
    process.terminate()
    #expect(await process.end().status == 0)
  }

  @Test("A folder that cannot be made is one sentence and status 1", arguments: ["/dev/null/data", "/proc/reroot"])
  func unwritable(_ path: String) async throws {
    refused(try await reroot("serve", "--data", path, "--listen", "127.0.0.1:0"), path)
  }

  @Test(
    "A newer database, a wrong, a lost and an open master key are each one sentence and status 1",
    arguments: [
      ("newer", "newer version"), ("wrong key", "does not belong to this data folder"), ("lost key", "is not there"),
      ("open key", "can be read by others"),
    ])
  func broken(_ kind: String, _ part: String) async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    var words = ["serve", "--data", data, "--listen", "127.0.0.1:0"]
    let store = try Store.open(folder: data)
    if kind == "newer" {
      try await store.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99.0')") }
    }
    try store.close()
    switch kind {
    case "wrong key":
      try Store.open(folder: folder.path + "/other").close()
      words += ["--master-key-file", folder.path + "/other/master.key"]
    case "lost key": try FileManager.default.removeItem(atPath: data + "/master.key")
    case "open key": chmod(data + "/master.key", 0o644)
    default: break
    }
    refused(try await RerootProcess(words).end(), part)
  }

  @Test("A list of components that is wrong stops the start before anything is served")
  func componentsAtStart() async throws {
    let folder = try TemporaryFolder()
    let good = try folder.write(ComponentsTests.good, to: "good.yaml")
    let bad = try folder.write(ComponentsTests.good + "    colour: red\n", to: "bad.yaml")
    let (process, _) = try await start(folder.path + "/a", "--components", good)
    #expect(process.output.contains("1 component added (a)."))
    process.terminate()
    #expect(await process.end().status == 0)
    let words = ["serve", "--data", folder.path + "/b", "--listen", "127.0.0.1:0", "--components", bad]
    let ended = try await RerootProcess(words).end()
    #expect(ended.status == 1)
    #expect(ended.error.contains("line 7: unknown key 'colour'"))
    #expect(!ended.output.contains("Reroot serves"))
  }
}

@Suite("reroot components, and help", .timeLimit(.minutes(2))) struct ComponentsTests {
  static let good = """
    components:
      - name: a
        names: [a.example]
        files:
          certificate: /a/c
          key: /a/k

    """

  @Test("A good list is applied, exported to the same, and applied again without a change")
  func apply() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let list = try folder.write(Self.good, to: "list.yaml")
    let first = try await reroot("components", "apply", list, "--data", data)
    #expect(first.status == 0)
    #expect(first.output == "1 component added (a).\n")
    let exported = try await reroot("components", "export", "--data", data)
    #expect(exported.status == 0)
    let again = try await reroot("components", "apply", "-", "--data", data, input: exported.output)
    #expect(again.status == 0)
    #expect(again.output == "1 unchanged.\n")
  }

  @Test("A bad list changes nothing, and every error is named with its line")
  func refuse() async throws {
    let folder = try TemporaryFolder()
    let data = folder.path + "/data"
    let list = try folder.write(Self.good + "    stage: none\n    colour: red\n", to: "list.yaml")
    let ended = try await reroot("components", "apply", list, "--data", data)
    #expect(ended.status == 1)
    #expect(ended.error.contains("was not applied:"))
    #expect(ended.error.contains("line 7: 'stage' must be a whole number"))
    #expect(ended.error.contains("line 8: unknown key 'colour'"))
    #expect(try await reroot("components", "export", "--data", data).output == "components: []\n")
  }

  @Test(
    "Every subcommand has its help",
    arguments: [
      [], ["serve"], ["demo"], ["components"], ["components", "apply"], ["components", "export"], ["inspect"],
    ])
  func help(_ words: [String]) async throws {
    let ended = try await RerootProcess(words + ["--help"]).end()
    #expect(ended.status == 0)
    #expect(ended.error.isEmpty)
    #expect(ended.output.contains("USAGE: " + (["reroot"] + words).joined(separator: " ")))
    #expect(ended.output.contains("OVERVIEW: "))
    #expect(!ended.output.contains("sample-component"))
  }

  @Test(
    "Words that mean nothing are refused with the usage",
    arguments: [
      ["explode"], ["serve"], ["serve", "--data", "x", "--listen", "nowhere"],
      ["serve", "--data", "x", "--listen", "a:99999"],
      ["inspect"], ["components", "apply"],
    ])
  func usage(_ words: [String]) async throws {
    let ended = try await RerootProcess(words).end()
    #expect(ended.status == 64)
    #expect(ended.error.contains("Error: "))
  }
}
