import Foundation
import PKI
import Testing

@Suite("Text that means harm, at a terminal", .timeLimit(.minutes(2))) struct HostileTextTests {
  private static let harm = "x\u{1B}[2J\u{1B}]0;t\u{7}\u{202E}\u{2028}\u{200B}\u{85}"

  private func check(_ ended: Ended) {
    for text in [ended.output, ended.error] {
      let harmful = text.unicodeScalars.filter { VisibleText.isHidden($0) && $0 != "\n" && $0 != "\t" }
      #expect(harmful.isEmpty, "\(text)")
    }
  }

  @Test("The names of a file and of what is in it are written out, and forge no line of the verdict")
  func inspect() async throws {
    let folder = try TemporaryFolder()
    let root = try RootMaker.makeRoot(
      commonName: Self.harm, organization: "a\nVerdict  can be imported", algorithm: .ecdsaP256,
      notBefore: Date() - 86_400, notAfter: Date() + 400 * 86_400)
    let bytes = try PFX.make(identity: root, friendlyName: Self.harm, password: SecretBytes(utf8: "pass word"))
    let file = folder.path + "/\(Self.harm)\nVerdict  can be imported.pfx"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    for words in [["inspect", file], ["inspect", "--json", file]] {
      let ended = try await reroot(words, input: "pass word")
      #expect(ended.status == 0)
      check(ended)
      #expect(ended.output.contains("\\u{202E}") || ended.output.contains("\\\\u{202E}"))
      let verdicts = ended.output.split(separator: "\n").filter { $0.hasPrefix("Verdict") }
      #expect(verdicts.count == (words.count == 2 ? 1 : 0))
    }
    let wrong = try await reroot(["inspect", file], input: "no")
    #expect(wrong.status == 1)
    check(wrong)
  }

  @Test("What is said of wrong words on the command line, and of a file that is not there, is text")
  func arguments() async throws {
    for words in [
      [Self.harm], ["--" + Self.harm], ["inspect", "/nowhere/" + Self.harm], ["inspect", "--x" + Self.harm, "y"],
      ["serve", "--data", "/proc/" + Self.harm], ["serve", "--data", "/tmp", "--listen", Self.harm],
    ] {
      let ended = try await reroot(words)
      #expect(ended.status != 0)
      #expect(ended.error.contains("\\u{1B}"), "\(ended.error)")
      check(ended)
    }
  }

  @Test("What is wrong with a file of components is said in text, whatever stands in it")
  func components() async throws {
    let folder = try TemporaryFolder()
    let escaped = Self.harm.unicodeScalars.map { "\\U" + String(format: "%08X", $0.value) }.joined()
    let yaml = """
      components:
        - name: "\(escaped)"
          names: ["\(escaped)"]
          kind: "\(escaped)"
          "\(escaped)": 1
          files: {certificate: "/\(escaped)", key: "\(escaped)"}
      """
    let file = try folder.write(yaml, to: "\u{1B}[31mcomponents.yaml")
    let ended = try await reroot(["components", "apply", file, "--data", folder.path + "/data"])
    #expect(ended.status != 0)
    #expect(ended.complaints.count == 1, "one complaint, however many lines are forged in it")
    check(ended)
  }
}
