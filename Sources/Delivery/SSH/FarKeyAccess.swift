import PKI
import Rotation

/// Keys that stay on the other machine: what is said of them here never holds one.
extension FarOperations {
  /// A long RSA key takes seconds, on a small machine many.
  private static let making = Duration.seconds(120)

  func lookAtKey(_ path: String) async throws -> KeyView? {
    try requirePath(path)
    let script = FarScript(
      [FarBasics.reporting, FarBasics.paths, FarReading.opening, FarKeys.tools, FarKeys.look],
      call: "look_at_key \(ShellWord.quoted(path))")
    let answer = try await done(script, Self.look)
    if answer.report("absent") != nil { return nil }
    guard let digest = answer.report("key")?.first, Self.isDigest(digest),
      let publicKey = Base64.decode(answer.output), publicKey.count > 0
    else { throw notUnderstood("Looking at \(path)") }
    return KeyView(publicKey: Fingerprint(of: publicKey.withBytes { Array($0) }), sha256: digest)
  }

  func makeKey(_ order: KeyOrder) async throws -> [UInt8] {
    try requirePath(order.path)
    let words = [order.path, TransactionNames.fresh().id, try RequestConfiguration(order.names).text]
    let script = FarScript(
      [
        FarBasics.reporting, FarBasics.permission, FarBasics.paths, FarLocks.text, FarRecovery.text, FarReading.owner,
        FarReading.opening, FarReplacement.text, FarKeys.tools, FarKeys.making,
      ], call: "make_key \(ShellWord.quoted(words + order.algorithm.generationWords))")
    let answer = try await done(script, Self.making)
    guard let request = Base64.decode(answer.output), request.count > 0 else {
      throw notUnderstood("Making a key for \(order.path)")
    }
    return request.withBytes { Array($0) }
  }

  static func isDigest(_ text: String) -> Bool { text.utf8.count == 64 && text.allSatisfy(\.isHexDigit) }
}

/// What `openssl req` is told of a signing request: no subject, and the names (config(5), x509v3_config(5)).
struct RequestConfiguration {
  let text: String

  /// Throws `NAME_INVALID` for a name with a character that has a meaning in such a file.
  init(_ names: [AlternativeName]) throws {
    let lines = try names.enumerated().map { index, name in
      guard name.text.utf8.allSatisfy({ Self.harmless.contains($0) }) else {
        throw DeliveryFailure(
          code: "NAME_INVALID", sentence: "No key can be made for “\(VisibleText.of(name.text, limit: 253))”.",
          advice: "Correct the name in the component's settings: a host name or an IP address.")
      }
      switch name {
      case .dns(let host): return "DNS.\(index) = \(host)"
      case .ip(let address): return "IP.\(index) = \(address)"
      }
    }
    text =
      "[req]\nprompt = no\ndistinguished_name = subject\nreq_extensions = extensions\n[subject]\n[extensions]\n"
      + "subjectAltName = @names\n[names]\n" + lines.joined(separator: "\n")
  }

  private static let harmless = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_*:".utf8)
}

extension KeyAlgorithm {
  /// What `openssl genpkey` is told, from 1.1.1 on.
  var generationWords: [String] {
    switch self {
    case .ecdsaP256: Self.curve("P-256")
    case .ecdsaP384: Self.curve("P-384")
    case .rsa2048: Self.modulus("2048")
    case .rsa3072: Self.modulus("3072")
    case .rsa4096: Self.modulus("4096")
    case .ed25519: ["-algorithm", "ED25519"]
    }
  }

  private static func curve(_ name: String) -> [String] {
    ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(name)", "-pkeyopt", "ec_param_enc:named_curve"]
  }

  private static func modulus(_ bits: String) -> [String] {
    ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]
  }
}
