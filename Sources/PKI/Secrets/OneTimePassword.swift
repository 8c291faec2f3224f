import Foundation

/// One-time passwords by the clock (TOTP, RFC 6238) with what every authenticator app takes: HMAC-SHA-1, steps of 30
/// seconds, six digits.
public struct OneTimePassword: Sendable {
  /// The length of a step in seconds.
  public static let period = 30
  /// The number of digits of a code.
  public static let digits = 6
  /// How many steps before and after the present one are taken too: a clock may be off, and typing takes its time
  /// (RFC 6238, section 5.2).
  public static let tolerance = 1
  /// The bytes of a new secret: as many as the hash has (RFC 4226, section 4, R6).
  static let secretCount = 20

  /// What the app and the server share.
  public let secret: SecretBytes

  /// Takes a secret that was made earlier.
  public init(secret: SecretBytes) { self.secret = secret }

  /// A new secret. Throws `RANDOM_FAILED`.
  public static func generate() throws -> OneTimePassword {
    OneTimePassword(secret: SecretBytes(try SecureRandom.bytes(secretCount)))
  }

  /// The number of the step that a moment is in.
  public static func step(at date: Date) -> Int64 {
    Int64((min(max(0, date.timeIntervalSince1970), 1e15) / Double(period)).rounded(.down))
  }

  /// The code of a step (RFC 4226, section 5.3).
  public func code(step: Int64, digits: Int = digits) -> String {
    let counter = (0..<8).map { UInt8(truncatingIfNeeded: step >> (56 - 8 * Int64($0))) }
    let hash = MessageAuthentication.hmacSHA1(counter, key: secret)
    guard hash.count == 20 else { return "" }
    let offset = Int(hash[19] & 0x0F)
    let number = hash[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    let modulus = (0..<min(max(digits, 1), 9)).reduce(UInt32(1)) { result, _ in result * 10 }
    let text = String(number % modulus)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  /// The step whose code this is, where it is close enough to the present one and later than the last one that was used: a
  /// code is good once (RFC 6238, section 5.2). Nil for every other text.
  public func step(of code: String, at date: Date, after last: Int64?) -> Int64? {
    let given = Array(code.utf8)
    guard given.count == Self.digits else { return nil }
    let present = Self.step(at: date)
    let tolerance = Int64(Self.tolerance)
    // All are compared, whichever fits, so that the time says nothing.
    var found: Int64?
    for step in (present - tolerance)...(present + tolerance) {
      let fits = MessageAuthentication.areEqual(Array(self.code(step: step).utf8), given)
      if fits, step > last ?? -1 { found = found ?? step }
    }
    return found
  }

  /// The secret for typing, in Base32.
  public var text: String { secret.withBytes { Base32.text($0) } }

  /// The secret for an app's camera (the key URI format that authenticator apps agree on).
  public func uri(issuer: String, account: String) -> String {
    let label = Self.encoded(issuer) + ":" + Self.encoded(account)
    return "otpauth://totp/\(label)?secret=\(text)&issuer=\(Self.encoded(issuer))&algorithm=SHA1&digits=\(Self.digits)"
      + "&period=\(Self.period)"
  }

  /// Everything but unreserved characters as percent escapes (RFC 3986, section 2.1).
  private static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default: result += "%" + Hexadecimal.text([byte]).uppercased()
      }
    }
    return result
  }
}

extension OneTimePassword: CustomStringConvertible, CustomReflectable {
  /// Always `[redacted]`.
  public var description: String { "[redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
