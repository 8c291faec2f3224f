import Foundation
import PKI
import Testing

@Suite("reroot inspect", .timeLimit(.minutes(2))) struct InspectTests {
  private struct Answer: Decodable {
    let verdict: String
    let reason: String?
  }

  private func pfx(_ folder: TemporaryFolder, from: TimeInterval = -86_400, to: TimeInterval = 400 * 86_400) throws
    -> String
  {
    let root = try RootMaker.makeRoot(
      commonName: "Inspected", algorithm: .ecdsaP256, notBefore: Date() + from, notAfter: Date() + to)
    let bytes = try PFX.make(identity: root, friendlyName: "x", password: SecretBytes(utf8: "pass word"))
    let path = folder.path + "/root.pfx"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  private func answer(_ ended: Ended) throws -> Answer {
    try JSONDecoder().decode(Answer.self, from: Data(ended.output.utf8))
  }

  @Test(
    "A good file is accepted with status 0, its password from standard input or from a file",
    arguments: [
      "pass word", "pass word\n", "pass word\r\n",
    ])
  func good(_ input: String) async throws {
    let folder = try TemporaryFolder()
    let file = try pfx(folder)
    let ended = try await reroot("inspect", "--json", file, input: input)
    #expect(ended.status == 0)
    #expect(try answer(ended).verdict == "accept")
    let secret = try folder.write(input, to: "password")
    let exposed = try await reroot("inspect", "--password-file", secret, file)
    #expect(exposed.status == 64 && exposed.error.contains("can be read by others"), "\(exposed)")
    chmod(secret, 0o600)
    let other = try await reroot("inspect", "--json", "--password-file", secret, file)
    #expect(other.status == 0)
    #expect(other.output == ended.output)
    #expect(!ended.output.contains("pass word"))
    let text = try await reroot("inspect", file, input: input)
    #expect(text.output.contains("CN=Inspected"))
  }

  @Test(
    "A file that cannot be imported is refused with status 1 and the reason",
    arguments: [
      ("wrong password", "WRONG_PASSWORD"), ("expired", "EXPIRED"), ("empty", "EMPTY_FILE"), ("text", "NOT_PKCS12"),
      ("large", "TOO_LARGE"),
    ])
  func bad(_ kind: String, _ reason: String) async throws {
    let folder = try TemporaryFolder()
    let file =
      switch kind {
      case "expired": try pfx(folder, to: -1)
      case "empty": try folder.write("", to: "x.pfx")
      case "text": try folder.write("hello, this is no PFX file", to: "x.pfx")
      case "large": try folder.write(String(repeating: "0", count: 1 << 20 + 1), to: "x.pfx")
      default: try pfx(folder)
      }
    let ended = try await reroot("inspect", "--json", file, input: kind == "wrong password" ? "no" : "pass word")
    #expect(ended.status == 1)
    #expect(try answer(ended).verdict == "reject")
    #expect(try answer(ended).reason == reason)
  }

  @Test("A file that is not there is a sentence, not a trace")
  func missing() async throws {
    let ended = try await reroot("inspect", "--json", "/nowhere/root.pfx")
    #expect(ended.status != 0)
    #expect(ended.error.contains("/nowhere/root.pfx cannot be read: No such file or directory."))
    #expect(!ended.error.contains("Fatal"))
  }
}
