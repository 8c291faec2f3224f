import PKI
import Store
import Synchronization

/// The PINs that hardware modules have refused since the program began, so that none of them is tried twice: a token
/// counts wrong ones, and is locked after a few. What is kept of a PIN is a code that this process alone can make.
final class RefusedPINs: Sendable {
  /// One PIN at one token, whichever of its keys it was to open.
  private struct Refusal: Hashable {
    let library: String
    let token: [String?]
    let code: [UInt8]
  }

  private let random = Array(SecureRandom.token().utf8)
  private let known = Mutex<[Refusal: PKIError]>([:])

  /// Lets a module sign with a PIN, unless it has refused it before. To be called where one signature is made after the
  /// other, or several could try the same PIN at once.
  ///
  /// - Parameter isTyped: whether a person has typed the PIN just now, which is tried in any case: the token's own PIN may
  ///   have been changed to it.
  /// - Throws: what `sign` throws, and `TOKEN_PIN_WRONG` once more for a PIN that was refused.
  func guarding<Value>(
    _ pin: SecretBytes, of module: ModuleReference, isTyped: Bool, _ sign: () throws -> Value
  ) throws -> Value {
    let refusal = Refusal(
      library: module.library, token: [module.uri.token, module.uri.serial, module.uri.manufacturer, module.uri.model],
      code: MessageAuthentication.hmacSHA256(random, key: pin))
    if !isTyped, let error = known.withLock({ $0[refusal] }) { throw error }
    do {
      let value = try sign()
      known.withLock { $0[refusal] = nil }
      return value
    } catch let error as PKIError where error.code == "TOKEN_PIN_WRONG" {
      known.withLock { $0[refusal] = error }
      throw error
    }
  }
}
