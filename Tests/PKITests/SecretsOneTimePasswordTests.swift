import Foundation
import Testing

@testable import PKI

@Suite("One-time passwords and recovery codes") struct SecretsOneTimePasswordTests {
  /// The secret of both RFCs' examples.
  private static let example = OneTimePassword(secret: SecretBytes(utf8: "12345678901234567890"))

  @Test("Codes are those of RFC 4226, appendix D")
  func counted() {
    let expected = [
      "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489",
    ]
    #expect((0..<10).map { Self.example.code(step: Int64($0)) } == expected)
  }

  @Test(
    "Codes are those of RFC 6238, appendix B, for SHA-1",
    arguments: [
      (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
      (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
    ])
  func timed(_ seconds: Int, _ expected: String) {
    let date = Date(timeIntervalSince1970: TimeInterval(seconds))
    #expect(Self.example.code(step: OneTimePassword.step(at: date), digits: 8) == expected)
    #expect(Self.example.code(step: OneTimePassword.step(at: date)) == String(expected.suffix(6)))
  }

  @Test("A step is thirty seconds, to the second")
  func steps() {
    let steps = [0, 29, 30, 59, 60].map { OneTimePassword.step(at: Date(timeIntervalSince1970: TimeInterval($0))) }
    #expect(steps == [0, 0, 1, 1, 2])
    #expect(OneTimePassword.step(at: Date(timeIntervalSince1970: -5)) == 0)
  }

  @Test("The step before and the one after are taken, two away is not", arguments: -3...3)
  func window(_ distance: Int64) throws {
    let date = Date(timeIntervalSince1970: 1_780_000_015)
    let step = OneTimePassword.step(at: date) + distance
    let found = Self.example.step(of: Self.example.code(step: step), at: date, after: nil)
    #expect(found == (abs(distance) <= 1 ? step : nil))
  }

  @Test("A code that was used, and every one before it, is never taken again")
  func once() throws {
    let date = Date(timeIntervalSince1970: 1_780_000_015)
    let present = OneTimePassword.step(at: date)
    let code = { (distance: Int64) in Self.example.code(step: present + distance) }
    let used = try #require(Self.example.step(of: code(0), at: date, after: present - 1))
    #expect(used == present)
    #expect(Self.example.step(of: code(0), at: date, after: used) == nil)
    #expect(Self.example.step(of: code(-1), at: date, after: used) == nil)
    #expect(Self.example.step(of: code(1), at: date, after: used) == present + 1)
    // A clock that was set back does not make it good again.
    #expect(Self.example.step(of: code(0), at: date.addingTimeInterval(-25), after: used) == nil)
  }

  @Test(
    "What is not six digits is no code",
    arguments: ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "75522\u{0}", "-75522"])
  func malformed(_ text: String) {
    #expect(Self.example.step(of: text, at: Date(timeIntervalSince1970: 0), after: nil) == nil)
  }

  @Test(
    "Base32 is that of RFC 4648, section 10, without its padding",
    arguments: [
      ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("fooba", "MZXW6YTB"),
      ("foobar", "MZXW6YTBOI"),
    ])
  func base32(_ bytes: String, _ expected: String) {
    #expect(Base32.text(Array(bytes.utf8)) == expected)
  }

  @Test("Secrets have 160 bits, are never the same, and are printed nowhere")
  func secret() throws {
    let (one, other) = (try OneTimePassword.generate(), try OneTimePassword.generate())
    #expect(one.text.count == 32)
    #expect(one.text != other.text)
    var dumped = ""
    dump(one, to: &dumped)
    #expect(!"\(one) \(dumped)".contains(one.text))
  }

  @Test("The URI for the camera escapes the name, so that nobody's name sets a parameter")
  func uri() {
    let uri = Self.example.uri(issuer: "Reroot", account: "Ada & Bob?secret=A/ü")
    #expect(
      uri == "otpauth://totp/Reroot:Ada%20%26%20Bob%3Fsecret%3DA%2F%C3%BC?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        + "&issuer=Reroot&algorithm=SHA1&digits=6&period=30")
  }

  @Test("HMAC-SHA-256 is that of RFC 4231, test case 2, and an empty key is one")
  func messageCode() {
    let code = MessageAuthentication.hmacSHA256(
      Array("what do ya want for nothing?".utf8), key: SecretBytes(utf8: "Jefe"))
    #expect(Hexadecimal.text(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    #expect(MessageAuthentication.hmacSHA256([], key: SecretBytes([])).count == 32)
  }

  @Test("A recovery code is read however it is typed, and is good for its owner and its key only")
  func recovery() throws {
    let code = try RecoveryCode.generate()
    #expect(code.text.count == 19)
    #expect(RecoveryCode(typed: code.text) == code)
    #expect(RecoveryCode(typed: " " + code.text.uppercased().replacing("-", with: " ")) == code)
    #expect(RecoveryCode(typed: code.text.replacing("0", with: "O").replacing("1", with: "l")) == code)
    for wrong in ["", "123456", String(code.text.dropLast()), code.text + "a", code.text.dropLast() + "u", "ü"] {
      #expect(RecoveryCode(typed: wrong) == nil)
    }
    let key = SecretBytes(utf8: "key")
    let hashes = [
      code.hash(key: key, owner: "1"), code.hash(key: key, owner: "2"),
      code.hash(key: SecretBytes(utf8: "another"), owner: "1"), try RecoveryCode.generate().hash(key: key, owner: "1"),
    ]
    #expect(Set(hashes).count == 4)
    #expect(code.hash(key: key, owner: "1") == hashes[0])
    #expect("\(code)" == "[redacted]")
  }
}
