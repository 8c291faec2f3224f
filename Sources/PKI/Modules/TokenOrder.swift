import Foundation

/// One signature that is wanted from a key in a hardware module. It goes to a process of its own, which alone loads the
/// module, in JSON over standard input.
public struct TokenOrder: Sendable, Codable {
  /// The module's library.
  public var module: String
  /// The token and its key.
  public var uri: TokenURI
  /// How the token is to sign.
  public var mechanism: TokenMechanism
  /// What the token signs: a digest, with what the mechanism wants around it.
  public var data: Data

  /// Describes what is to be signed.
  public init(module: String, uri: TokenURI, mechanism: TokenMechanism, data: Data) {
    self.module = module
    self.uri = uri
    self.mechanism = mechanism
    self.data = data
  }

  /// The order in one line of JSON, and the PIN in the rest.
  public func message(pin: SecretBytes) throws -> SecretBytes {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    let line = try encoder.encode(self)
    return SecretBytes(count: line.count + 1 + pin.count) { message in
      message.copyBytes(from: line)
      message[line.count] = 0x0A
      pin.withBytes { UnsafeMutableRawBufferPointer(rebasing: message[(line.count + 1)...]).copyMemory(from: $0) }
    }
  }

  /// Reads what `message` wrote. Throws `TOKEN_ORDER_INVALID`.
  public static func read(_ message: SecretBytes) throws -> (order: TokenOrder, pin: SecretBytes) {
    try message.withBytes { bytes in
      guard let end = bytes.firstIndex(of: 0x0A),
        let order = try? JSONDecoder().decode(TokenOrder.self, from: Data(bytes[..<end]))
      else { throw PKIError(code: "TOKEN_ORDER_INVALID", sentence: "This is no order to sign.") }
      return (order, SecretBytes(copying: UnsafeRawBufferPointer(rebasing: bytes[(end + 1)...])))
    }
  }
}

/// What came of an order: JSON on standard output.
public struct TokenAnswer: Sendable, Codable {
  /// The signature as the token gave it; nil where it failed.
  public var signature: Data?
  /// The label of the token.
  public var token: String?
  /// Why it failed.
  public var code: String?
  /// The same in a sentence.
  public var sentence: String?

  /// Describes what came of an order.
  public init(signature: Data? = nil, token: String? = nil, code: String? = nil, sentence: String? = nil) {
    self.signature = signature
    self.token = token
    self.code = code
    self.sentence = sentence
  }
}

/// How tokens sign (PKCS #11, Mechanisms).
public enum TokenMechanism: String, Sendable, Codable {
  /// CKM_RSA_PKCS: PKCS#1 v1.5 over a DigestInfo.
  case rsa
  /// CKM_ECDSA over a digest; the signature is r and s, side by side.
  case ecdsa
}
