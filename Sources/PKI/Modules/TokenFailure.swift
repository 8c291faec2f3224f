import CPKCS11

/// What a hardware module answers (CK_RV), in sentences.
struct TokenFailure {
  private let order: TokenOrder

  init(_ order: TokenOrder) { self.order = order }

  private var token: String { VisibleText.of(order.uri.token ?? order.uri.serial ?? "", limit: 64) }

  /// Throws unless the answer is CKR_OK.
  func require(_ result: UInt, _ what: String) throws {
    guard result != UInt(CKR_OK) else { return }
    switch result {
    case UInt(CKR_PIN_INCORRECT), UInt(CKR_PIN_INVALID), UInt(CKR_PIN_LEN_RANGE):
      throw PKIError(
        code: "TOKEN_PIN_WRONG",
        sentence:
          "The hardware module “\(token)” refused the PIN. It is not tried again by itself, for a token is locked "
          + "after a few wrong ones. Type it anew.")
    case UInt(CKR_PIN_LOCKED): throw pinLocked
    case UInt(CKR_PIN_EXPIRED):
      throw PKIError(
        code: "TOKEN_PIN_EXPIRED",
        sentence: "The PIN of the hardware module “\(token)” has expired. Change it with the module's own tool.")
    case UInt(CKR_USER_PIN_NOT_INITIALIZED):
      throw PKIError(
        code: "TOKEN_PIN_UNSET",
        sentence: "The hardware module “\(token)” has no PIN yet. Set it with the module's own tool.")
    case UInt(CKR_MECHANISM_INVALID), UInt(CKR_KEY_FUNCTION_NOT_PERMITTED), UInt(CKR_KEY_TYPE_INCONSISTENT):
      throw PKIError(
        code: "TOKEN_MECHANISM_MISSING",
        sentence:
          "The hardware module “\(token)” does not sign by \(order.mechanism == .rsa ? "CKM_RSA_PKCS" : "CKM_ECDSA") with "
          + "this key. Use a key that may, or import the root as a PFX file.")
    case UInt(CKR_TOKEN_NOT_PRESENT), UInt(CKR_DEVICE_REMOVED), UInt(CKR_TOKEN_NOT_RECOGNIZED):
      throw tokenMissing([])
    default:
      throw PKIError(
        code: "TOKEN_FAILED",
        sentence:
          "The hardware module “\(token)” failed while \(what) (CK_RV 0x\(String(result, radix: 16))). Look at the "
          + "module with its own tool.")
    }
  }

  func tokenMissing(_ there: [String]) -> PKIError {
    let others = there.map { "“\(VisibleText.of($0, limit: 64))”" }.joined(separator: ", ")
    return PKIError(
      code: "TOKEN_MISSING",
      sentence: "The hardware module has no token “\(token)”\(others.isEmpty ? "" : ", only \(others)"). Insert it or "
        + "connect it, or correct the address.")
  }

  var tokenAmbiguous: PKIError {
    PKIError(
      code: "TOKEN_AMBIGUOUS",
      sentence: "More than one token fits the address. Add “serial” to it, so that it means one.")
  }

  var pinLocked: PKIError {
    PKIError(
      code: "TOKEN_PIN_LOCKED",
      sentence:
        "The hardware module “\(token)” is locked after too many wrong PINs. Unlock it with the module's own tool.")
  }

  var lastTry: PKIError {
    PKIError(
      code: "TOKEN_LAST_TRY",
      sentence:
        "One more wrong PIN would lock the hardware module “\(token)”, so Reroot does not try. Sign in once with "
        + "the module's own tool.")
  }

  var keyMissing: PKIError {
    PKIError(
      code: "TOKEN_KEY_MISSING",
      sentence: "The hardware module “\(token)” has no private key of this address. Correct “object” or “id” in it.")
  }

  var keyAmbiguous: PKIError {
    PKIError(
      code: "TOKEN_KEY_AMBIGUOUS",
      sentence: "The hardware module “\(token)” has more than one private key of this address. Add “id” to it.")
  }
}
