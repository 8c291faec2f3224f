import COpenSSL
import Foundation

@testable import PKI

/// Reads a PFX file as it came and, where its outer structure can be read, once more under a MAC that is right: a change
/// of a byte would otherwise end at the MAC, and what is behind it would never be tried.
enum PFXFuzz {
  private static let password = SecretBytes(utf8: "fuzz")
  private static let now = Date(timeIntervalSince1970: 1_900_000_000)
  /// Iterations cost time and show nothing; that their limits hold is shown by PFXLimitTests.
  private static let iterations = 5_000

  static func read(_ bytes: [UInt8]) {
    var bags = PFXBags()
    try? bags.read(SecretBytes(bytes), isEncrypted: false)
    if (try? PFXSniffer.check(bytes)) != nil, let file = try? PFXFile(SecretBytes(bytes)) {
      guard isCheap(file) else { return }
      inspect(signed(file.authenticated.withBytes { [UInt8]($0) }))
    }
    inspect(signed(bytes))
    inspect(bytes)
  }

  private static func inspect(_ bytes: [UInt8]) {
    guard let file = try? PFXFile(SecretBytes(bytes)) else {
      require(PFX.inspectRoot(bytes, password: password, now: now).root == nil, "what is no PFX file is no root")
      return
    }
    guard isCheap(file) else { return }
    let inspection = PFX.inspectRoot(bytes, password: password, now: now)
    let texts =
      [inspection.message, inspection.details.friendlyName ?? "", inspection.details.mac ?? ""]
      + inspection.details.encryptions + inspection.warnings.map(\.sentence)
    for text in texts { require(!text.unicodeScalars.contains(where: VisibleText.isHidden), "texts are visible") }
    if let root = inspection.root { require(root.key.matches(root.certificate), "a root has its own key") }
    _ = try? PFX.readServerIdentity(bytes, password: password)
    _ = try? PFXStore(bytes, password: password)
  }

  private static func isCheap(_ file: PFXFile) -> Bool {
    var derivations = [file.mac?.derivation].compactMap { $0 }
    for safe in file.safes {
      switch safe {
      case .plain(let content):
        var bags = PFXBags()
        guard (try? bags.read(content, isEncrypted: false)) != nil else { continue }
        for key in bags.keys {
          if case .shrouded(.known(let derivation, _, _), _) = key.material { derivations.append(derivation) }
        }
      case .encrypted(.known(let derivation, _, _), _): derivations.append(derivation)
      case .encrypted, .other: continue
      }
    }
    return derivations.allSatisfy { $0.iterations <= iterations }
  }

  /// A file around these contents with a MAC of one iteration (RFC 7292, section 4).
  private static func signed(_ content: [UInt8]) -> [UInt8] {
    let salt: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    guard let form = try? PFXPassword(password).forms.first,
      let key = PFXKeyDerivation(form: form).pkcs12(.integrity, "SHA256", salt, 1, length: 32)
    else { return [] }
    var mac = [UInt8](repeating: 0, count: 32)
    var count: UInt32 = 0
    _ = key.withBytes { HMAC(EVP_sha256(), $0.baseAddress, 32, content, content.count, &mac, &count) }
    let data: [UInt8] = [0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]
    let sha256: [UInt8] = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00]
    let digest = element(0x30, element(0x30, sha256) + element(0x04, mac))
    return element(
      0x30,
      [0x02, 0x01, 0x03] + element(0x30, data + element(0xA0, element(0x04, content)))
        + element(0x30, digest + element(0x04, salt) + [0x02, 0x01, 0x01]))
  }

  private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
    let size = content.count
    return [tag, 0x83, UInt8(size >> 16 & 0xFF), UInt8(size >> 8 & 0xFF), UInt8(size & 0xFF)] + content
  }
}
