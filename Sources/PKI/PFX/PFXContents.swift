/// What a PFX file holds once its MAC is right and its safes are open; the keys are still as they stand in it.
struct PFXContents: Sendable {
  let bags: PFXBags
  let mac: PFXMAC
  let trailingCount: Int
  /// Whether an encrypted safe needed OpenSSL's legacy provider.
  let neededLegacy: Bool
  /// The encryptions of the safes, in words.
  let encryptions: [String]
  private let forms: [PFXPassword.Form]

  /// Opens a file. Blocking, in bounded time and memory: every count is read before the derivation it belongs to.
  init(_ bytes: [UInt8], password: SecretBytes) throws(PFXRefusal) {
    try PFXSniffer.check(bytes)
    let file = try PFXFile(SecretBytes(bytes))
    let password = try PFXPassword(password)

    var work = PFXWork()
    if let derivation = file.mac?.derivation { try work.add(derivation, for: "its MAC") }
    var bags = PFXBags()
    var damage: PFXRefusal?
    for safe in file.safes {
      switch safe {
      case .plain(let content):
        do { try bags.read(content, isEncrypted: false) } catch { damage = damage ?? error }
      case .encrypted(let encryption, _): try work.add(encryption, for: "an encrypted part")
      case .other: continue
      }
    }
    try Self.count(bags.keys[...], in: &work)
    let readable = bags.keys.count

    (mac, forms) = try Self.verify(file, password)
    // Only now is it known that the file is as somebody made it; before, a wrong password or a change explains more.
    if let damage { throw damage }
    (neededLegacy, encryptions) = try Self.openSafes(file, forms, into: &bags)
    try Self.count(bags.keys[readable...], in: &work)
    self.bags = bags
    trailingCount = file.trailingCount
  }

  /// The PKCS#8 of a key, plain. Blocking.
  ///
  /// Throws `KEY_UNDECRYPTABLE` or `UNSUPPORTED_CIPHER`.
  func open(_ key: PFXBags.Key) throws(PFXRefusal) -> SecretBytes {
    switch key.material {
    case .plain(let bytes): return bytes
    case .shrouded(let encryption, let data):
      let decryption = try PFXDecryption(for: [encryption])
      if let plain = try decryption.open(data, encryption, trying: forms) { return plain }
      throw PFXRefusal(
        .keyUndecryptable,
        "The file's password is right, but its private key does not open with it: the key was encrypted with another "
          + "password, or it is damaged. Export it again with one password for everything.")
    }
  }

  private static func count(_ keys: ArraySlice<PFXBags.Key>, in work: inout PFXWork) throws(PFXRefusal) {
    for key in keys {
      if case .shrouded(let encryption, _) = key.material { try work.add(encryption, for: "a private key") }
    }
  }

  /// Answers with the forms of the password to try, the one that made the MAC first.
  private static func verify(
    _ file: PFXFile, _ password: PFXPassword
  ) throws(PFXRefusal) -> (PFXMAC, [PFXPassword.Form]) {
    guard let mac = file.mac else {
      throw PFXRefusal(
        .noMAC,
        "The file has no integrity check, so nothing shows that nobody changed it. Export it again with a password and a "
          + "MAC, for example with `openssl pkcs12 -export` without -nomac.")
    }
    let unsupported = PFXRefusal(
      .unsupportedMAC,
      "The file's integrity check is made with \(mac.name), which cannot be verified here. Export it again with a SHA-256 "
        + "MAC, for example with `openssl pkcs12 -export -macalg sha256`.")
    for (index, form) in password.forms.enumerated() {
      guard let isRight = mac.verify(file.authenticated, form) else { throw unsupported }
      guard isRight else { continue }
      var forms = password.forms
      forms.swapAt(0, index)
      return (mac, forms)
    }
    throw PFXRefusal(
      .wrongPassword,
      password.isEmpty
        ? "This file has a password. Type the password that was set when it was exported."
        : "The password is wrong for this file, or the file was changed after it was made. Type the password that was set "
          + "when it was exported; capital letters and spaces count.")
  }

  private static func openSafes(
    _ file: PFXFile, _ forms: [PFXPassword.Form], into bags: inout PFXBags
  ) throws(PFXRefusal) -> (neededLegacy: Bool, encryptions: [String]) {
    var encryptions: [PFXEncryption] = []
    for safe in file.safes {
      if case .encrypted(let encryption, _) = safe { encryptions.append(encryption) }
    }
    let decryption = try PFXDecryption(for: encryptions)
    for safe in file.safes {
      switch safe {
      case .plain: continue
      case .other(let name): throw PFXDecryption.unsupported(name)
      case .encrypted(let encryption, let data):
        guard let plain = try decryption.open(data, encryption, trying: forms) else {
          throw PFXRefusal(
            .keyUndecryptable,
            "The file's password is right, but a part of it (\(encryption.label)) does not open with it: that part was "
              + "encrypted with another password, or it is damaged. Export it again with one password for everything.")
        }
        try bags.read(plain, isEncrypted: true)
      }
    }
    return (encryptions.contains(where: \.needsLegacy), encryptions.map(\.label))
  }
}

extension PFXWork {
  /// Counts an encryption; one that is unknown will not be opened, so it costs nothing.
  fileprivate mutating func add(_ encryption: PFXEncryption, for part: String) throws(PFXRefusal) {
    if let derivation = encryption.derivation { try add(derivation, for: part) }
  }
}
