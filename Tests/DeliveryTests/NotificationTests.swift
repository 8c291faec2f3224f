import Foundation
import PKI
import Testing

@testable import Delivery

@Suite("What notifications are sent as") struct NotificationTests {
  @Test("A webhook is signed as the example of Standard Webhooks is")
  func signature() throws {
    let key = try #require(Webhook.key(SecretBytes(utf8: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")))
    let webhook = Webhook(
      to: "https://example.net", id: "msg_p5jXN8AQM9LWM0D4loKWxJek", at: Date(timeIntervalSince1970: 1_614_265_330),
      body: Array(#"{"test": 2432232314}"#.utf8))
    let fields = Dictionary(uniqueKeysWithValues: webhook.fields(key: key))
    #expect(fields["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek" && fields["webhook-timestamp"] == "1614265330")
    #expect(fields["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
  }

  @Test(
    "A secret that is no such text, too short or too long, is none",
    arguments: ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2La", "whsec_%%%"])
  func noSecret(_ text: String) {
    #expect(Webhook.key(SecretBytes(utf8: text)) == nil)
  }

  @Test("Nothing that stands in a value ends it in curl's configuration")
  func configuration() {
    let text = Curl.text([("data-binary", "{\"a\": \"x\\\"\n\"}\r\turl = \"file:///etc/passwd\""), ("silent", nil)])
    #expect(
      text == #"data-binary = "{\"a\": \"x\\\"\n\"}\r\turl = \"file:///etc/passwd\"""# + "\nsilent\n")
  }

  @Test(
    "Nor does a mark with an accent behind it, which Swift takes for one character",
    arguments: [
      ("\"\u{301}", "\\\"\u{301}"), ("\\\u{301}", "\\\\\u{301}"), ("a\r\nb", "a\\r\\nb"),
      ("\"\u{20DD}\"", "\\\"\u{20DD}\\\""),
    ])
  func accents(_ value: String, _ escaped: String) {
    let text = Curl.text([("data-binary", value)])
    #expect(Array(text.utf8) == Array("data-binary = \"\(escaped)\"\n".utf8))
  }

  @Test("A message has a subject that is one line, whatever is in it, and a text in base64")
  func mail() throws {
    let mail = Mail(
      from: "reroot@example.net", to: ["ada@example.net", "grace@example.net"],
      subject: "Größe\nBcc: eve@example.net " + String(repeating: "ß", count: 60), text: "One\n.\nTwo – three",
      date: Date(timeIntervalSince1970: 1_780_315_200), id: "reroot-7")
    let text = String(decoding: mail.bytes(lineBreak: "\r\n"), as: UTF8.self)
    let parts = text.components(separatedBy: "\r\n\r\n")
    #expect(parts.count == 2 && !text.contains("\nBcc:"))
    #expect(parts[0].contains("Date: Mon, 01 Jun 2026 12:00:00 +0000\r\n"))
    #expect(parts[0].contains("To: ada@example.net,\r\n grace@example.net\r\n"))
    #expect(parts[0].components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 78 })
    let data = Data(base64Encoded: parts[1], options: .ignoreUnknownCharacters)
    #expect(data.map { String(decoding: $0, as: UTF8.self) } == "One\r\n.\r\nTwo – three")
    #expect(Mail.words("plain") == ["plain"])
  }

  @Test(
    "What is an address of a mailbox",
    arguments: [
      ("ada@example.net", true), ("a.b+c@localhost", true), ("", false), ("ada", false), ("a@b@c", false),
      ("a b@example.net", false), ("a@example.net>", false), ("a@-x", false), ("a..b@example.net", false),
      ("ada@example.net\nBcc: x@y", false),
    ])
  func address(_ text: String, _ isOne: Bool) {
    #expect(Mail.isAddress(text) == isOne)
  }

  @Test("A program is given its input, which is no argument and may be more than a pipe holds")
  func input() async throws {
    let much = [UInt8](repeating: UInt8(ascii: "x"), count: 300_000)
    let counted = try await Command(["/usr/bin/wc", "-c"], timeLimit: .seconds(20), input: much).run()
    #expect(counted.end == .exited(0) && counted.output.trimmingCharacters(in: .whitespacesAndNewlines) == "300000")
    let unread = try await Command(["/bin/true"], timeLimit: .seconds(20), input: much).run()
    #expect(unread.end == .exited(0))
  }
}
