import ArgumentParser
import Console
import Foundation
import PKI
import Testing

@testable import reroot

@Suite("Secrets on their way into the command line and out of it") struct SecretInputTests {
  @Test("A pipe with a name is not opened before it is read, so that nothing that was put in is lost")
  func pipe() throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/pipe"
    #expect(mkfifo(path, 0o600) == 0)
    let looked = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      try? InputFile.requireReadable(path)
      looked.signal()
    }
    // Whoever opens a pipe for reading waits for its writer, and there is none.
    let isLeftAlone = looked.wait(timeout: .now() + 10) == .success
    #expect(isLeftAlone)
    guard isLeftAlone else {
      close(open(path, O_WRONLY | O_NONBLOCK))
      return
    }
    Thread.detachNewThread { try? Data("a secret\n".utf8).write(to: URL(fileURLWithPath: path), options: []) }
    #expect(try PasswordInput.fromFile(path) == SecretBytes(utf8: "a secret"))
  }

  @Test("A file that is not there is refused before anything is asked for")
  func missing() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ValidationError.self) { try InputFile.requireReadable(folder.path + "/none") }
    try InputFile.requireReadable(folder.write("x", to: "some"))
  }

  @Test(
    "A secret in JSON is the text that it was, whatever is in it",
    arguments: ["1234", #"a"b\c"#, "\u{0}\u{1}\u{1F}\n\t ~\u{7F}", "pässwörd 日本", ""])
  func json(_ text: String) throws {
    var request = APIRequest(method: "PUT", path: "/roots/1/pin")
    request.body = .secret("pin", SecretBytes(utf8: text))
    let bytes = try request.bytes(host: "localhost", token: SecretBytes(utf8: "t"), key: nil)
    let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8)))
    #expect(String(decoding: bytes[..<end.lowerBound], as: UTF8.self).contains("Content-Type: application/json\r\n"))
    #expect(try JSONDecoder().decode(JSONValue.self, from: Data(bytes[end.upperBound...])) == ["pin": .string(text)])
  }

  @Test("A PIN is a text in UTF-8")
  func pins() {
    func isText(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes(ModulePIN.isUTF8) }
    #expect(isText(Array("1234".utf8)) && isText(Array("ü日".utf8)) && isText([]))
    for wrong: [UInt8] in [[0xFF], [0x31, 0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80]] { #expect(!isText(wrong)) }
  }
}
