/// Why a PFX file was refused.
public struct PFXRefusal: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable word for programs: one of `PFXReason`'s.
  public let code: String
  /// What is wrong with this file, and what to do.
  public let sentence: String

  init(_ reason: PFXReason, _ sentence: String) {
    code = reason.rawValue
    self.sentence = sentence
  }

  /// The sentence.
  public var description: String { sentence }
}

/// Every reason for which an import may be refused.
public enum PFXReason: String, Sendable, CaseIterable {
  case emptyFile = "EMPTY_FILE"
  case tooLarge = "TOO_LARGE"
  case notPKCS12 = "NOT_PKCS12"
  case malformed = "MALFORMED"
  case noMAC = "NO_MAC"
  case iterationsTooHigh = "ITERATIONS_TOO_HIGH"
  case unsupportedMAC = "UNSUPPORTED_MAC"
  case wrongPassword = "WRONG_PASSWORD"
  case unsupportedCipher = "UNSUPPORTED_CIPHER"
  case keyUndecryptable = "KEY_UNDECRYPTABLE"
  case noCertificate = "NO_CERT"
  case noKey = "NO_KEY"
  case keyMismatch = "KEY_MISMATCH"
  case multipleKeys = "MULTIPLE_KEYS"
  case severalCertificatesForKey = "SEVERAL_CERTS_FOR_KEY"
  case unsupportedKeyType = "UNSUPPORTED_KEY_TYPE"
  case notAnAuthority = "NOT_A_CA"
  case noKeyCertSign = "NO_KEYCERTSIGN"
  case notARoot = "NOT_A_ROOT"
  case badSelfSignature = "BAD_SELF_SIGNATURE"
  case invalidExtension = "CERT_INVALID_EXTENSION"
  case unknownCriticalExtension = "UNKNOWN_CRITICAL_EXTENSION"
  case weakKey = "WEAK_KEY"
  case weakSignature = "WEAK_SIGNATURE"
  case expired = "EXPIRED"
  case notYetValid = "NOT_YET_VALID"
  case tooManyObjects = "TOO_MANY_OBJECTS"
}

extension PFXRefusal {
  /// A file that begins as a PFX and then goes wrong.
  static func malformed(_ error: DERError) -> PFXRefusal {
    PFXRefusal(
      .malformed,
      "The file is a PFX file, but it is damaged: \(error.reason). Copy it again from where it came from, in binary mode, "
        + "or export it again.")
  }

  static func malformed(_ reason: String) -> PFXRefusal { malformed(DERError(reason)) }
}
