import CPKCS11
import Foundation

/// A hardware module that this process has loaded: foreign code, which may do anything. So a process of its own does it,
/// signs once, and ends.
public enum TokenModule {
  /// Carries out an order. Blocking, for as long as the module likes. Throws ``PKIError`` with a code `TOKEN_…`.
  public static func carryOut(_ order: TokenOrder, pin: SecretBytes) throws -> TokenAnswer {
    var module: OpaquePointer?
    if let reason = reroot_module_load(order.module, &module) {
      throw PKIError(
        code: "TOKEN_MODULE_NOT_LOADED",
        sentence:
          "The hardware module \(order.module) cannot be loaded: \(VisibleText.of(String(cString: reason), limit: 300)). "
          + "Install it, or start Reroot with the right --pkcs11-module.")
    }
    let failure = TokenFailure(order)
    try failure.require(reroot_module_initialize(module), "beginning")
    defer { reroot_module_finalize(module) }
    let token = try token(order.uri, module, failure)
    let mechanism = order.mechanism == .rsa ? UInt(CKM_RSA_PKCS) : UInt(CKM_ECDSA)
    try failure.require(reroot_module_can_sign(module, token.slot, mechanism), "looking for the way to sign")
    let session = try login(token, pin, module, failure)
    let key = try key(order.uri, session, module, failure)
    var signature = [UInt8](repeating: 0, count: 1024)
    var count = UInt(signature.count)
    let result = pin.withBytes { pin in
      reroot_module_sign(
        module, session, key, mechanism, pin.assumingMemoryBound(to: UInt8.self).baseAddress, pin.count,
        Array(order.data), order.data.count, &signature, &count)
    }
    try failure.require(result, "signing")
    return TokenAnswer(signature: Data(signature.prefix(Int(count))), token: text(of: token.label))
  }

  private static func token(_ uri: TokenURI, _ module: OpaquePointer?, _ failure: TokenFailure) throws -> reroot_token {
    var tokens = [reroot_token](repeating: reroot_token(), count: 64)
    var count = UInt(tokens.count)
    try failure.require(reroot_module_tokens(module, &tokens, &count), "looking for the token")
    let matching = tokens.prefix(Int(count)).filter { token in
      [
        (uri.token, text(of: token.label)), (uri.serial, text(of: token.serial)),
        (uri.manufacturer, text(of: token.manufacturer)), (uri.model, text(of: token.model)),
      ].allSatisfy { $0 == nil || $0 == $1 }
    }
    guard let token = matching.first else {
      throw failure.tokenMissing(tokens.prefix(Int(count)).map { text(of: $0.label) })
    }
    guard matching.count == 1 else { throw failure.tokenAmbiguous }
    return token
  }

  private static func login(
    _ token: reroot_token, _ pin: SecretBytes, _ module: OpaquePointer?, _ failure: TokenFailure
  ) throws -> UInt {
    guard token.flags & UInt(CKF_USER_PIN_LOCKED) == 0 else { throw failure.pinLocked }
    // The last try is left to a person at the token.
    guard token.flags & UInt(CKF_USER_PIN_FINAL_TRY) == 0 else { throw failure.lastTry }
    var session: UInt = 0
    let result = pin.withBytes {
      reroot_module_login(module, token.slot, $0.assumingMemoryBound(to: UInt8.self).baseAddress, $0.count, &session)
    }
    try failure.require(result, "signing in")
    return session
  }

  private static func key(
    _ uri: TokenURI, _ session: UInt, _ module: OpaquePointer?, _ failure: TokenFailure
  ) throws -> UInt {
    var (key, found): (UInt, UInt) = (0, 0)
    let label = uri.object
    let result = (uri.id ?? []).withUnsafeBufferPointer { id in
      reroot_module_find_key(
        module, session, label, label?.utf8.count ?? 0, uri.id == nil ? nil : id.baseAddress, id.count, &key, &found)
    }
    try failure.require(result, "looking for the key")
    guard found > 0 else { throw failure.keyMissing }
    guard found == 1 else { throw failure.keyAmbiguous }
    return key
  }

  private static func text<Characters>(of characters: Characters) -> String {
    withUnsafeBytes(of: characters) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
