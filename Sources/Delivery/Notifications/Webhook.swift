import Foundation
import PKI

/// A request that tells a receiver something, signed as Standard Webhooks 1.0 says
/// (https://www.standardwebhooks.com): HMAC-SHA-256 over the id, the moment and the body.
public struct Webhook: Sendable {
  /// An `https` address.
  public let address: String
  /// What tells it from others; the same when it is sent again.
  public let id: String
  /// When it is sent.
  public let moment: Date
  /// JSON.
  public let body: [UInt8]

  /// Describes a request.
  public init(to address: String, id: String, at moment: Date, body: [UInt8]) {
    self.address = address
    self.id = id
    self.moment = moment
    self.body = body
  }

  /// What a secret begins with when it is written down.
  public static let secretPrefix = "whsec_"

  /// The key in a written secret: `whsec_` and the base64 of 24 to 64 bytes; nil for anything else.
  public static func key(_ secret: SecretBytes) -> SecretBytes? {
    let text = secret.withBytes { String(decoding: $0, as: UTF8.self) }
    guard text.hasPrefix(secretPrefix), let bytes = Data(base64Encoded: String(text.dropFirst(secretPrefix.count))),
      (24...64).contains(bytes.count)
    else { return nil }
    return SecretBytes(Array(bytes))
  }

  /// The header fields that sign it.
  public func fields(key: SecretBytes) -> [(name: String, value: String)] {
    let seconds = "\(Int(moment.timeIntervalSince1970))"
    let code = MessageAuthentication.hmacSHA256(Array("\(id).\(seconds).".utf8) + body, key: key)
    return [
      ("webhook-id", id), ("webhook-timestamp", seconds),
      ("webhook-signature", "v1,\(Data(code).base64EncodedString())"),
    ]
  }

  /// Sends it. Redirects are not followed: the signature is for one receiver.
  ///
  /// - Parameter authorities: trusted besides those of this machine.
  /// - Throws: ``SendingFailure`` unless a status of 200 to 299 came back.
  public func send(key: SecretBytes, trusting authorities: [Certificate], by programs: SendingPrograms) async throws {
    let fields =
      [(name: "Content-Type", value: "application/json"), (name: "User-Agent", value: "Reroot")]
      + self.fields(key: key)
    let options: [(name: String, value: String?)] =
      [
        ("url", address), ("proto", "=https"), ("data-binary", String(decoding: body, as: UTF8.self)),
        ("write-out", "%{http_code}"),
      ] + fields.map { ("header", "\($0.name): \($0.value)") }
    let status = try await Curl(programs: programs, authorities: authorities).run(options)
    guard let number = Int(status), (200...299).contains(number) else {
      // “Too many requests” (RFC 6585) is about all of them.
      throw SendingFailure(
        "The receiver answered with the status \(VisibleText.of(status, limit: 20)).",
        isOfMessage: Int(status) != 429)
    }
  }
}
