import Foundation
import PKI
import Rotation

/// The PKCS#12 stores of a Java service. Everything here blocks for some ten milliseconds, for a store with many
/// iterations up to a second.
enum StoreFile {
  /// Reads a store.
  static func read(_ content: SecretBytes, path: String, password: SecretBytes) throws -> PFXStore {
    // A store is encrypted by itself, so the copy needs no wiping.
    let bytes = content.withBytes { [UInt8]($0) }
    if let kind = foreignKind(bytes) { throw foreign(kind, path) }
    do {
      return try PFXStore(bytes, password: password)
    } catch let refusal as PFXRefusal {
      throw failure(refusal, path)
    } catch let error as PKIError {
      throw DeliveryFailure(
        code: "STORE_UNREADABLE", sentence: "The store \(path) cannot be used: \(error.sentence)", advice: check)
    }
  }

  /// The bytes of a key store with a new chain and key under the alias of the key that is in the store now.
  static func keyStore(
    chain: [Certificate], key: PrivateKey, replacing found: SecretBytes?, path: String, password: SecretBytes,
    alias newAlias: String
  ) throws -> SecretBytes {
    let store = try found.map { try read($0, path: path, password: password) }
    if let store { try requireOnly(store, .keyStore, path: path) }
    return try making(path) {
      try PFX.make(
        identity: Identity(chain: chain, key: key), friendlyName: store?.key?.alias ?? newAlias, password: password,
        iterations: PFX.storeIterations)
    }
  }

  /// The bytes of a trust store with these roots; one that is in the store now keeps its alias.
  static func trustStore(
    _ roots: [Certificate], replacing found: SecretBytes?, path: String, password: SecretBytes
  ) throws -> SecretBytes {
    let store = try found.map { try read($0, path: path, password: password) }
    if let store { try requireOnly(store, .trustStore, path: path) }
    let aliases = Dictionary(
      (store?.trusted ?? []).map { ($0.certificate.fingerprint, $0.alias) }, uniquingKeysWith: { first, _ in first })
    let entries = roots.map { root in
      PFXStore.TrustedEntry(alias: aliases[root.fingerprint] ?? nil, certificate: root)
    }
    return try making(path) { try PFX.makeTrustStore(entries, password: password) }
  }

  /// Throws where the store holds what a new one would not: that would be lost.
  static func requireOnly(_ store: PFXStore, _ role: FileLayout.Role, path: String) throws {
    var surplus: [String] = []
    if role == .keyStore {
      if store.keyCount > 1 { surplus.append("\(store.keyCount) private keys") }
      if !store.trusted.isEmpty { surplus.append("trusted certificates") }
    } else if store.keyCount > 0 {
      surplus.append("a private key")
    }
    if store.otherCount > 0 { surplus.append("entries that are neither keys nor certificates") }
    guard !surplus.isEmpty else { return }
    let (kind, one) = role == .keyStore ? ("key store", "one private key") : ("trust store", "trusted certificates")
    throw DeliveryFailure(
      code: "STORE_HOLDS_MORE",
      sentence:
        "The \(kind) \(path) holds \(surplus.joined(separator: " and ")), which an update would lose: a new one "
        + "holds \(one) and nothing else.",
      advice: "Move them to a store of their own with `keytool -importkeystore -srcalias … -destkeystore …`, and name "
        + "that one in the service's configuration.")
  }

  private static func making(_ path: String, _ body: () throws -> [UInt8]) throws -> SecretBytes {
    do {
      return SecretBytes(try body())
    } catch let error as PKIError {
      throw DeliveryFailure(
        code: "STORE_NOT_MADE", sentence: "The new store \(path) could not be made: \(error.sentence)",
        advice: "Nothing was changed. Mend what the sentence names, then retry.")
    }
  }

  // MARK: What is wrong

  private static let check =
    "Check that the path in the component's settings names the right file, and try `keytool -list -keystore` on it."

  private static func foreignKind(_ bytes: [UInt8]) -> String? {
    if bytes.starts(with: [0xFE, 0xED, 0xFE, 0xED]) { return "JKS" }
    return bytes.starts(with: [0xCE, 0xCE, 0xCE, 0xCE]) ? "JCEKS" : nil
  }

  private static func foreign(_ kind: String, _ path: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "STORE_IS_\(kind)",
      sentence: "\(path) is a Java store of the type \(kind), which only Java can write; Reroot writes PKCS#12.",
      advice: "Convert it with `keytool -importkeystore -srckeystore \(path) -destkeystore \(path).p12 -deststoretype "
        + "pkcs12`, name the new file in the service's configuration and in the component's settings.")
  }

  private static func failure(_ refusal: PFXRefusal, _ path: String) -> DeliveryFailure {
    switch refusal.code {
    case PFXReason.wrongPassword.rawValue:
      DeliveryFailure(
        code: "STORE_PASSWORD_WRONG",
        sentence: "The password in the password file does not open the store \(path), or the store was damaged.",
        advice: "Compare it with the service's own configuration; `keytool -list -keystore \(path)` tries it.")
    case PFXReason.emptyFile.rawValue, PFXReason.notPKCS12.rawValue, PFXReason.malformed.rawValue:
      DeliveryFailure(
        code: "STORE_UNREADABLE", sentence: "\(path) is no PKCS#12 store, or it is damaged.", advice: check)
    case PFXReason.keyUndecryptable.rawValue:
      DeliveryFailure(
        code: "STORE_UNREADABLE",
        sentence: "A part of the store \(path) does not open with the password of the store.",
        advice: "Give the key the store's own password with `keytool -importkeystore`; Reroot knows no other.")
    case PFXReason.noMAC.rawValue:
      DeliveryFailure(
        code: "STORE_UNREADABLE",
        sentence: "The store \(path) has no integrity check, so nothing shows that nobody changed it.",
        advice: "Make it again with a password, for example with `keytool -importkeystore -deststoretype pkcs12`.")
    case PFXReason.keyMismatch.rawValue:
      DeliveryFailure(
        code: "STORE_UNREADABLE",
        sentence: "The private key in the store \(path) belongs to none of the certificates in it.", advice: check)
    default:
      DeliveryFailure(
        code: "STORE_UNREADABLE", sentence: "The store \(path) cannot be used: \(refusal.sentence)", advice: check)
    }
  }
}
