import COpenSSL

/// The one key of a file and the one certificate that it belongs to.
struct PFXPair: Sendable {
  let certificate: Certificate
  let key: PrivateKey
  let friendlyName: String?
  /// The file's other certificates, each once.
  let others: [Certificate]
  /// Whether the key was encrypted with a cipher of OpenSSL's legacy provider.
  let neededLegacy: Bool

  /// Finds them, or throws what is missing or too much. Blocking.
  init(in contents: PFXContents, details: inout PFXInspection.Details) throws(PFXRefusal) {
    let certificates = try Self.certificates(contents.bags)
    if certificates.count == 1 { details.certificate = certificates.first?.certificate }
    let subjects = Self.list(certificates.map(\.certificate.subject))
    guard let first = contents.bags.keys.first else {
      throw certificates.isEmpty
        ? PFXRefusal(
          .noCertificate,
          "The file holds neither a certificate nor a private key. Export the root certificate again together with its key."
        )
        : PFXRefusal(
          .noKey,
          "The file holds no private key, only \(subjects). Export the root again together with its private key (on Windows: "
            + "“Yes, export the private key”).")
    }
    guard !certificates.isEmpty else {
      throw PFXRefusal(
        .noCertificate,
        "The file holds a private key but no certificate. Export it again together with the root certificate.")
    }
    guard contents.bags.keys.count == 1 else {
      throw PFXRefusal(
        .multipleKeys,
        "The file holds \(contents.bags.keys.count) private keys and \(subjects), so it is not clear which one is meant. "
          + "Export the root certificate and its key alone.")
    }
    let key = try PrivateKey(pkcs8: try contents.open(first))
    let matching = certificates.filter { key.matches($0.certificate) }
    guard let match = matching.first else {
      throw PFXRefusal(
        .keyMismatch,
        "The file's private key (\(key.keyDescription)) belongs to none of its certificates: \(subjects). Export the "
          + "certificate again together with its own key.")
    }
    details.certificate = match.certificate
    guard matching.count == 1 else {
      throw PFXRefusal(
        .severalCertificatesForKey,
        "The private key belongs to \(matching.count) certificates of the file, \(Self.list(matching.map(\.certificate.subject))), so it "
          + "is not clear which one is meant. Export the root certificate and its key alone.")
    }
    certificate = match.certificate
    self.key = key
    friendlyName = match.friendlyName ?? first.friendlyName
    others = certificates.map(\.certificate).filter { $0 != match.certificate }
    if case .shrouded(let encryption, _) = first.material {
      neededLegacy = encryption.needsLegacy
      details.encryptions.append(encryption.label)
    } else {
      neededLegacy = false
    }
    details.friendlyName = friendlyName
  }

  /// Throws `KEY_MISMATCH` when the private half does not do what the public half promises.
  func checkSigning() throws(PFXRefusal) {
    guard key.canSign(for: certificate) else {
      throw PFXRefusal(
        .keyMismatch,
        "The private key claims to belong to “\(VisibleText.of(certificate.subject, limit: 200))”, but its signatures do not verify with "
          + "that certificate: the key is damaged. Export it again from where it came from.")
    }
  }

  private static func certificates(_ bags: PFXBags) throws(PFXRefusal) -> [(
    certificate: Certificate, friendlyName: String?
  )] {
    var found: [(certificate: Certificate, friendlyName: String?)] = []
    var seen: Set<Fingerprint> = []
    for bag in bags.certificates {
      guard let certificate = try? Certificate(der: bag.der) else {
        throw PFXRefusal.malformed("certificate \(found.count + 1) in it cannot be read")
      }
      if seen.insert(certificate.fingerprint).inserted { found.append((certificate, bag.friendlyName)) }
    }
    return found
  }

  /// The first few subjects, and how many more there are.
  private static func list(_ subjects: [String]) -> String {
    let shown = subjects.prefix(4).map { "“\(VisibleText.of($0, limit: 120))”" }.joined(separator: ", ")
    return subjects.count > 4 ? "\(shown) and \(subjects.count - 4) more" : shown
  }
}
