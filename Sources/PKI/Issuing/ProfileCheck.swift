import COpenSSL
import Foundation

/// The rules that a child certificate has to follow, whatever root signs it.
enum ProfileCheck {
  /// More names than this no component has, and no client wants to read.
  static let mostNames = 100

  static func checkDates(_ request: ChildRequest, root: Certificate, now: Date) throws {
    let first = UTCText.clamping(request.notBefore)
    let last = UTCText.clamping(request.notAfter)
    let start = UTCText.of(request.notBefore)
    let end = UTCText.of(request.notAfter)
    guard last > first else {
      throw PKIError(
        code: "PROFILE_DATES", sentence: "The certificate would end at \(end), not after its start at \(start).")
    }
    guard last > UTCText.clamping(now) else {
      throw PKIError(code: "PROFILE_ALREADY_OVER", sentence: "The certificate would have ended already, at \(end).")
    }
    guard first >= UTCText.clamping(root.notBefore) else {
      throw PKIError(
        code: "PROFILE_BEFORE_ROOT",
        sentence: "The certificate would be valid from \(start), before its root is: \(UTCText.of(root.notBefore)).")
    }
    guard last <= UTCText.clamping(root.notAfter) else {
      throw PKIError(
        code: "PROFILE_OUTLIVES_ROOT",
        sentence: "The certificate would be valid until \(end), longer than its root, which ends at "
          + "\(UTCText.of(root.notAfter)). Choose fewer months.")
    }
  }

  static func checkNames(_ names: [AlternativeName]) throws {
    guard !names.isEmpty else {
      throw PKIError(
        code: "PROFILE_NO_NAMES",
        sentence: "The component has no name. Give it at least one host name or address: clients look for it.")
    }
    guard names.count <= mostNames else {
      throw PKIError(
        code: "PROFILE_TOO_MANY_NAMES",
        sentence: "The component has \(names.count) names; a certificate can have \(mostNames).")
    }
    var seen: Set<AlternativeName> = []
    for name in names {
      try checkForm(name)
      guard seen.insert(name).inserted else {
        throw PKIError(code: "PROFILE_DUPLICATE_NAME", sentence: "The name \(name.text) is given twice. Remove one.")
      }
    }
  }

  static func checkForm(_ name: AlternativeName) throws {
    let shown = VisibleText.of(name.text, limit: 253)
    let parsed: AlternativeName
    do {
      parsed = try AlternativeName(parsing: name.text)
    } catch let error as PKIError {
      throw PKIError(code: "PROFILE_BAD_NAME", sentence: error.sentence)
    }
    // The same text has to come back: lower case, the usual form of an address, and an address not called a host name.
    guard parsed == name else {
      throw PKIError(
        code: "PROFILE_BAD_NAME", sentence: "“\(shown)” is not the usual form of a name; write it as \(parsed).")
    }
    // RFC 5280 4.2.1.6: dNSName has the "preferred name syntax" of RFC 1034 3.5: letters, digits and hyphens.
    if case .dns(let host) = name, host.utf8.contains(UInt8(ascii: "_")) {
      throw PKIError(
        code: "PROFILE_BAD_NAME",
        sentence: "“\(shown)” has an underscore, which a certificate's host name must not have. Give the host another "
          + "name.")
    }
    if let octets = name.octets, octets.allSatisfy({ $0 == 0 }) {
      throw PKIError(
        code: "PROFILE_BAD_NAME",
        sentence: "“\(shown)” means every address of a machine; give the one that clients connect to.")
    }
  }

  static func checkKey(_ key: any KeyHolder, root: Certificate) throws {
    guard key.publicKeyFingerprint != root.publicKeyFingerprint else {
      throw PKIError(
        code: "PROFILE_ROOT_KEY", sentence: "The key is the root's own. A component has to have a key of its own.")
    }
    let refusal = key.withUnsafePointer { pointer -> (code: String, reason: String)? in
      OpenSSLErrors.guarded {
        switch EVP_PKEY_get_base_id(pointer) {
        case EVP_PKEY_RSA:
          let bits = EVP_PKEY_get_bits(pointer)
          if bits < 2048 { return ("PROFILE_WEAK_KEY", "is too weak; an RSA key needs 2048 bits or more") }
          if bits > 8192 { return ("PROFILE_KEY_TYPE", "is too long; 8192 bits are the most that is useful") }
          return publicExponentIsSound(pointer)
            ? nil : ("PROFILE_WEAK_KEY", "has an unusual public exponent; 65537 is the usual one")
        case EVP_PKEY_EC:
          let curves = ["ECDSA P-256", "ECDSA P-384", "ECDSA P-521"]
          return curves.contains(key.keyDescription)
            ? nil : ("PROFILE_KEY_TYPE", "is on a curve that TLS does not use; take P-256 or P-384")
        case EVP_PKEY_ED25519, EVP_PKEY_ED448: return nil
        default: return ("PROFILE_KEY_TYPE", "is of a kind that components cannot use; take ECDSA, RSA or Ed25519")
        }
      }
    }
    if let refusal {
      throw PKIError(
        code: refusal.code, sentence: "The component's key (\(key.keyDescription)) \(refusal.reason). Make a new one.")
    }
  }

  /// FIPS 186-5 A.1.1: the public exponent is odd, and between 2¹⁶ and 2²⁵⁶.
  private static func publicExponentIsSound(_ key: OpaquePointer) -> Bool {
    var exponent: OpaquePointer?
    guard EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 else { return false }
    defer { BN_free(exponent) }
    return BN_is_odd(exponent) == 1 && (17...256).contains(BN_num_bits(exponent))
  }
}
