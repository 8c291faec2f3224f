import Console
import Foundation
import Testing

@testable import reroot

@Suite("The configuration file of reroot serve", .timeLimit(.minutes(2))) struct ServeConfigurationTests {
  private static let example = packageFolder + "/Scripts/debian/reroot.yaml"

  private func written(_ text: String) throws -> (folder: TemporaryFolder, file: String) {
    let folder = try TemporaryFolder()
    let file = try folder.write(text, to: "reroot.yaml")
    chmod(file, 0o644)
    return (folder, file)
  }

  @Test("Settings become options, and those that were given come last, so that they win")
  func expansion() throws {
    let (folder, file) = try written(
      """
      # a comment
      data: /var/lib/reroot
      listen: "[::1]:8443"
      log_level: ~
      pkcs11_module: [/a.so, /b.so]
      trusted_proxy: 192.0.2.0/24
      master_key_passphrase: true
      requests_per_minute: 90
      """)
    let words = try ServeConfiguration.expanded(["serve", "--config", file, "--listen", "127.0.0.1:0"])
    let serve = try Serve.parse(Array(words.dropFirst()))
    #expect(serve.data == "/var/lib/reroot")
    #expect(serve.serving.listen.port == 0)
    #expect(serve.serving.logLevel == .notice)
    #expect(serve.pkcs11Module == ["/a.so", "/b.so"])
    #expect(serve.trustedProxies == ["192.0.2.0/24"])
    #expect(serve.masterKey.masterKeyPassphrase)
    #expect(serve.requestsPerMinute == 90)
    withExtendedLifetime(folder) {}
  }

  @Test("A list that was given, and another place of the master key, take the place of what the file says")
  func replaced() throws {
    let (folder, file) = try written("data: /d\npkcs11_module: [/a.so]\nmaster_key_file: /etc/key\n")
    let words = try ServeConfiguration.expanded(
      ["serve", "--config=\(file)", "--pkcs11-module", "/b.so", "--master-key-credential=key"])
    let serve = try Serve.parse(Array(words.dropFirst()))
    #expect(serve.pkcs11Module == ["/b.so"])
    #expect(serve.masterKey.masterKeyFile == nil)
    #expect(serve.masterKey.masterKeyCredential == "key")
    withExtendedLifetime(folder) {}
  }

  @Test("Other commands, and serve without --config, are left as they are")
  func untouched() throws {
    for words in [["serve", "--data", "/d"], ["users", "reset", "--config", "/none"], []] {
      #expect(try ServeConfiguration.expanded(words) == words)
    }
  }

  @Test(
    "What is wrong is said with its line, and ends with 78 before anything is opened",
    arguments: [
      ("data: /d\nlog_levl: debug\n", "line 2: unknown key 'log_levl'; did you mean 'log_level'?"),
      ("data: /d\n\nlog_level: loud\n", "line 3: log_level: "),
      ("listen: 8443\ndata: /d\n", "line 1: listen: "),
      ("data: /d\npkcs11_time_limit: 601\n", "line 2: pkcs11_time_limit: --pkcs11-time-limit is 1 to 600."),
      ("data: /d\npkcs11_module:\n  - a.so\n", "line 3: pkcs11_module: --pkcs11-module takes an absolute path"),
      ("data: [/a, /b]\n", "line 1: 'data' must be text, not a list"),
      ("master_key_passphrase: maybe\n", "line 1: 'master_key_passphrase' must be true or false, not 'maybe'"),
      ("data: /d\ndata: /e\n", "line 2: the key 'data' is given twice"),
      (
        "data: /d\ndata: /e\n---\nlisten: 127.0.0.1:0\n",
        "given twice\n  line 3: this is no YAML: but found another document"
      ),
      ("- data\n", "The file must be a list of keys and values, not a list"),
      ("data: *d\n", "anchors and aliases"),
    ])
  func refused(_ text: String, _ sentence: String) async throws {
    let (folder, file) = try written(text)
    let ended = try await reroot("serve", "--config", file)
    #expect(ended.status == 78, "\(ended)")
    #expect(ended.error.contains("\(file) was not taken:\n  "), "\(ended)")
    #expect(ended.error.contains(sentence), "\(ended)")
    withExtendedLifetime(folder) {}
  }

  @Test("Everything that is wrong is said at once, line by line: keys, doubled ones, types and values")
  func everything() async throws {
    let (folder, file) = try written(
      """
      data: /d
      log_levl: debug
      pkcs11_module:
        - a.so
      listen: 8443
      pkcs11_module:
        - /b.so
      master_key_passphrase: maybe
      """)
    let ended = try await reroot("serve", "--config", file)
    let lines = ended.error.split(separator: "\n").dropFirst().map { $0.drop { $0 == " " }.prefix { $0 != ";" } }
    #expect(ended.status == 78 && lines.count == 5, "\(ended)")
    for (line, begin) in zip(
      lines,
      [
        "line 2: unknown key 'log_levl'", "line 4: pkcs11_module: ", "line 5: listen: ",
        "line 6: the key 'pkcs11_module' is given twice", "line 8: 'master_key_passphrase' must be true or false",
      ])
    { #expect(line.hasPrefix(begin), "\(line)") }
    withExtendedLifetime(folder) {}
  }

  @Test("A file that others can write, and one that is not there, are refused")
  func unreadable() async throws {
    let (folder, file) = try written("data: /d\n")
    chmod(file, 0o664)
    let open = try await reroot("serve", "--config", file)
    #expect(open.status == 78)
    #expect(open.error.contains("can be written by others (mode 664)"), "\(open)")
    let missing = try await reroot("serve", "--config", folder.path + "/none.yaml")
    #expect(missing.status == 78)
    #expect(missing.error.contains("cannot be read: No such file"), "\(missing)")
  }

  @Test("Every option stands in the example with its explanation, and in the table of README.md")
  func documented() throws {
    let lines = try String(contentsOfFile: Self.example, encoding: .utf8).split(
      separator: "\n", omittingEmptySubsequences: false)
    let readme = try String(contentsOfFile: packageFolder + "/README.md", encoding: .utf8)
    for key in try ServeConfiguration.keys().all {
      let place = lines.firstIndex { $0.hasPrefix("\(key):") || $0.hasPrefix("#\(key):") }
      let index = try #require(place, "\(key) is not in the example")
      #expect(index > 0 && lines[index - 1].hasPrefix("# "), "\(key) is not explained")
      let row = "| `--\(key.replacing("_", with: "-"))"
      #expect(readme.contains(row + "`") || readme.contains(row + " "), "\(key) has no row in README.md")
    }
  }

  @Test(
    "The example is taken as it is, and with every setting of it in force but the excluded places of the master key")
  func example() throws {
    #expect(throws: Never.self) { try ServeConfiguration.expanded(["serve", "--config", Self.example]) }
    let text = try String(contentsOfFile: Self.example, encoding: .utf8)
    let keys = try ServeConfiguration.keys()
    // A line of a setting has no space behind its sign; one of a list begins with three.
    let inForce = text.split(separator: "\n").map { line in
      line.hasPrefix("#  - ") || line.hasPrefix("#") && !line.hasPrefix("# ") ? line.dropFirst() : line
    }.joined(separator: "\n")
    let settings = try ConfigurationText.settings(in: inForce, keys)
    #expect(settings.count == keys.all.count - 1)
    let (folder, file) = try written(inForce)
    #expect(throws: Never.self) { try ServeConfiguration.expanded(["serve", "--config", file]) }
    withExtendedLifetime(folder) {}
  }
}
