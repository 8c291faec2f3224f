import Foundation

/// PFX files (PKCS#12, RFC 7292): what Windows, Java and OpenSSL export a certificate and its key as.
public enum PFX {
  /// The most bytes that a file may have.
  public static let maximumBytes = PFXLimits.maximumBytes

  /// Says whether a file may be imported as a root certificate, and why not. Never throws and never traps, whatever the
  /// bytes are. Blocking: up to about a second for a file with the highest iteration counts that are allowed.
  public static func inspectRoot(_ bytes: [UInt8], password: SecretBytes, now: Date) -> PFXInspection {
    var details = PFXInspection.Details()
    do throws(PFXRefusal) {
      let contents = try PFXContents(bytes, password: password)
      details.note(contents)
      let pair = try PFXPair(in: contents, details: &details)
      try RootPolicy(certificate: pair.certificate, now: now).check()
      try pair.checkSigning()
      let root = ImportedRoot(
        certificate: pair.certificate, key: pair.key, friendlyName: pair.friendlyName, extra: pair.others)
      let warnings = RootWarnings(
        certificate: pair.certificate, extraCount: pair.others.count, contents: contents,
        neededLegacy: contents.neededLegacy || pair.neededLegacy, passwordIsEmpty: password.isEmpty, now: now
      ).all()
      return PFXInspection(verdict: .accept(root: root, warnings: warnings), details: details)
    } catch {
      return PFXInspection(verdict: .reject(error), details: details)
    }
  }

  /// Reads a server's certificate with its key and the intermediates above it, leaf first, without the root.
  ///
  /// The certificate may be of any kind; only that file and key are sound is checked. Blocking. Throws `PFXRefusal`.
  public static func readServerIdentity(_ bytes: [UInt8], password: SecretBytes) throws -> Identity {
    var details = PFXInspection.Details()
    let pair = try PFXPair(in: try PFXContents(bytes, password: password), details: &details)
    try pair.checkSigning()
    return Identity(chain: chain(from: pair.certificate, among: pair.others), key: pair.key)
  }

  /// Each next certificate is the one that signed the one before it; a root ends the chain and is left out.
  static func chain(from leaf: Certificate, among others: [Certificate]) -> [Certificate] {
    var chain = [leaf]
    var remaining = others.filter { !$0.isSelfIssued }
    while let last = chain.last, !last.isSelfIssued {
      guard let index = remaining.firstIndex(where: { $0.subject == last.issuer && last.isSigned(by: $0) }) else {
        break
      }
      chain.append(remaining.remove(at: index))
    }
    return chain
  }
}

extension PFXInspection.Details {
  /// Takes over what opening the file brought to light.
  mutating func note(_ contents: PFXContents) {
    certificateCount = contents.bags.certificates.count
    keyCount = contents.bags.keys.count
    encryptions = contents.encryptions
    mac = contents.mac.name
  }
}
