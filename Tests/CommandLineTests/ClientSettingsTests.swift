import ArgumentParser
import Foundation
import PKI
import Testing

@testable import reroot

@Suite("The settings of the command line") struct ClientSettingsTests {
  private static let print = String(repeating: "ab", count: 32)

  private func settings(
    _ options: ClientSettings.Given, _ environment: [String: String] = [:], _ file: ClientSettings.Given = .init()
  ) throws -> ClientSettings {
    try ClientSettings(options: options, environment: environment, file: file, fileName: "/c.yaml")
  }

  @Test("come from options, then from variables, then from the file")
  func precedence() throws {
    let environment = ["REROOT_SERVER": "https://b.example:2", "REROOT_TOKEN_FILE": "/b", "REROOT_CA_FILE": ""]
    let file = ClientSettings.Given(server: "https://c.example:3", tokenFile: "/c", caFile: "/ca")
    let all = try settings(.init(server: "https://a.example:1", tokenFile: "/a"), environment, file)
    #expect(all.address.authority == "a.example:1")
    #expect(all.tokenFile == "/a")
    // An empty variable is none.
    #expect(all.known == .file("/ca"))
    let some = try settings(.init(), environment, file)
    #expect(some.address.authority == "b.example:2")
    #expect(some.tokenFile == "/b")
    #expect(try settings(.init(), [:], file).address.port == 3)
  }

  @Test("say by one of them how the console is known, and by none that it is not looked at")
  func trust() throws {
    let given = ClientSettings.Given(server: "https://a.example", tokenFile: "/a", fingerprint: Self.print)
    let file = ClientSettings.Given(caFile: "/ca")
    #expect(
      try settings(given, ["REROOT_CA_FILE": "/other"], file).known
        == .fingerprint(try #require(Fingerprint(hex: Self.print))))
    #expect(try settings(.init(server: "https://a.example", tokenFile: "/a")).known == .system)
    #expect(throws: ValidationError.self) {
      try settings(.init(server: "https://a.example", tokenFile: "/a", caFile: "/ca", fingerprint: Self.print))
    }
    #expect(throws: ValidationError.self) {
      try settings(.init(server: "https://a.example", tokenFile: "/a", fingerprint: "abc"))
    }
  }

  @Test("name in a sentence what is missing")
  func missing() throws {
    let error = #expect(throws: ValidationError.self) { try settings(.init(tokenFile: "/a")) }
    #expect(error?.message.contains("--server, REROOT_SERVER or as “server” in /c.yaml") == true)
    let other = #expect(throws: ValidationError.self) { try settings(.init(server: "https://a.example")) }
    #expect(other?.message.contains("--token-file") == true)
  }

  @Test(
    "take an address of HTTPS, and no other",
    arguments: [
      ("https://a.example", "a.example", 443), ("https://a.example:8443/", "a.example", 8443),
      ("https://[::1]:9", "::1", 9), ("https://[2001:db8::1]", "2001:db8::1", 443),
      ("https://127.0.0.1:1", "127.0.0.1", 1),
    ])
  func addresses(text: String, host: String, port: UInt16) throws {
    let address = try ServerAddress(text)
    #expect(address.host == host)
    #expect(address.port == port)
  }

  @Test(
    "refuse other addresses in a sentence",
    arguments: [
      "http://a.example", "a.example", "https://a.example/x", "https://a@b", "https://a:0", "https://a:99999",
    ])
  func badAddresses(text: String) { #expect(throws: ValidationError.self) { try ServerAddress(text) } }

  @Test("stand in a file below XDG_CONFIG_HOME, or else below the home")
  func place() {
    #expect(ClientSettings.file(in: ["HOME": "/h"]) == "/h/.config/reroot/config.yaml")
    #expect(ClientSettings.file(in: ["HOME": "/h", "XDG_CONFIG_HOME": "/x"]) == "/x/reroot/config.yaml")
    #expect(ClientSettings.file(in: ["HOME": "/h", "XDG_CONFIG_HOME": "x"]) == "/h/.config/reroot/config.yaml")
  }

  @Test("are read from YAML, whose paths begin at the file's folder or the home")
  func yaml() throws {
    let text = "server: https://a.example\ntoken_file: token\nca_file: ~/ca.pem\n"
    let given = try ClientSettings.given(inYAML: text, of: "/h/.config/reroot/config.yaml", home: "/h")
    #expect(
      given == .init(server: "https://a.example", tokenFile: "/h/.config/reroot/token", caFile: "/h/ca.pem"))
    #expect(try ClientSettings.given(inYAML: "", of: "/c", home: "/h") == .init())
    #expect(try ClientSettings.given(inFile: "/nowhere/config.yaml", home: "/h") == .init())
  }

  @Test(
    "of a file that says something else are refused", arguments: ["a: [", "x: y", "server: 7", "- a", "server: ''"])
  func badYAML(text: String) {
    #expect(throws: ValidationError.self) { try ClientSettings.given(inYAML: text, of: "/c", home: "/h") }
  }

  @Test("name a token that nobody else can read, in one line")
  func token() throws {
    let folder = try TemporaryFolder()
    func token(_ text: String, _ mode: Int) throws -> SecretBytes {
      let path = try folder.write(text, to: "token")
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
      return try settings(.init(server: "https://a.example", tokenFile: path)).token()
    }
    #expect(try token("reroot_x\n", 0o600) == SecretBytes(utf8: "reroot_x"))
    #expect(throws: ValidationError.self) { try token("reroot_x", 0o640) }
    #expect(throws: ValidationError.self) { try token("", 0o600) }
    #expect(throws: ValidationError.self) { try token("a\r\nX: y", 0o600) }
  }
}
