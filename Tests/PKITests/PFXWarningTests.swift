import Foundation
import Testing

@testable import PKI

@Suite("A PFX file is accepted with the warnings that an administrator should read")
struct PFXWarningTests {
  /// A file and the codes of its warnings.
  struct Row: Sendable, CustomTestStringConvertible {
    let codes: [String]
    let name: String
    let password: String
    let make: @Sendable (PFXWorkshop) throws -> [UInt8]

    init(
      _ codes: [String], _ name: String, password: String = PFXForge.password,
      make: @escaping @Sendable (PFXWorkshop) throws -> [UInt8]
    ) {
      (self.codes, self.name, self.password, self.make) = (codes, name, password, make)
    }

    var testDescription: String { name }
  }

  static let rows = [
    Row([], "a sound file") { try exported($0, "") },
    Row(["NEEDS_LEGACY_PROVIDER"], "RC2-40 and 3DES, as old Windows wrote it") { try exported($0, "-legacy") },
    Row(["NEEDS_LEGACY_PROVIDER"], "RC4, 128 bits") {
      try exported($0, "-keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-128 \(legacy)")
    },
    Row(["NEEDS_LEGACY_PROVIDER"], "DES with MD5 for the key, RC2 with 64 bits for the certificates") {
      try exported($0, "-keypbe PBE-MD5-DES -certpbe PBE-SHA1-RC2-64 \(legacy)")
    },
    Row([], "3DES, which needs no old provider") {
      try exported($0, "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1")
    },
    Row([], "Camellia and a SHA-512 MAC") {
      try exported($0, "-keypbe CAMELLIA-256-CBC -certpbe CAMELLIA-128-CBC -macalg sha512")
    },
    Row(["EMPTY_PASSWORD"], "an empty password", password: "") { try exported($0, "", password: "") },
    Row(["PLAINTEXT_KEY_IN_FILE"], "a key that is not encrypted, in an encrypted part") {
      try exported($0, "-keypbe NONE")
    },
    Row(["SHA1_SIGNATURE", "PLAINTEXT_KEY_IN_FILE"], "a SHA-1 signature") { workshop in
      try PFXForge.file(try workshop.material(key: .rsa2048, arguments: "-sha1 -days 3650").bags)
    },
    Row(["NO_KEY_USAGE", "PLAINTEXT_KEY_IN_FILE"], "no key usage", make: root(["basicConstraints=CA:TRUE"])),
    Row(["PATHLEN_0", "PLAINTEXT_KEY_IN_FILE"], "path length 0", make: root(path("0"))),
    Row(["PATHLEN_3", "PLAINTEXT_KEY_IN_FILE"], "path length 3", make: root(path("3"))),
    Row(["COMPAT_KEY_TYPE", "PLAINTEXT_KEY_IN_FILE"], "Ed25519", make: root(key: .ed25519)),
    Row(["COMPAT_KEY_TYPE", "PLAINTEXT_KEY_IN_FILE"], "Ed448", make: root(key: .ed448)),
    Row(["COMPAT_KEY_TYPE", "PLAINTEXT_KEY_IN_FILE"], "RSA-PSS", make: root(key: .rsaPSS)),
    Row(["VERY_LONG_VALIDITY", "PLAINTEXT_KEY_IN_FILE"], "31 years") { workshop in
      try PFXForge.file(try workshop.material(arguments: "-sha256 -days 11315").bags)
    },
    Row(["EXTRA_CERTS_1", "PLAINTEXT_KEY_IN_FILE"], "another certificate, twice") { _ in
      let other = PFXForge.certificateBag(try PFXWorkshop.otherRoot().certificate)
      return try PFXForge.file([other] + PFXWorkshop.root().bags + [other])
    },
    Row(["PLAINTEXT_KEY_IN_FILE", "TRAILING_DATA"], "bytes after the end") { _ in
      try PFXForge.file(try PFXWorkshop.root().bags) + [0, 1, 2]
    },
    Row(["PLAINTEXT_KEY_IN_FILE", "HAS_CRL", "OTHER_BAGS"], "a revocation list and a secret") { _ in
      let bags = [PFXForge.otherBag(4, PFXForge.sequence()), PFXForge.otherBag(5, PFXForge.sequence())]
      return try PFXForge.file(try PFXWorkshop.root().bags + bags)
    },
    Row(["PLAINTEXT_KEY_IN_FILE"], "bags in a bag") { _ in
      let bags = try PFXWorkshop.root().bags.flatMap { $0 }
      return try PFXForge.file([PFXForge.otherBag(6, PFXForge.element(0x30, bags))])
    },
  ]

  @Test("Each oddity gets its warning and nothing else does", arguments: rows)
  func warned(row: Row) throws {
    let inspection = inspect(try row.make(try PFXWorkshop()), password: row.password)
    #expect(inspection.refusal == nil, "\(inspection.message)")
    #expect(inspection.warnings.map(\.code) == row.codes)
    #expect(inspection.warnings.allSatisfy { $0.sentence.count > 40 && $0.sentence.hasSuffix(".") })
    #expect(inspection.root.map { $0.key.matches($0.certificate) } == true)
  }

  @Test("A certificate's or key's friendly name is kept, with control characters made visible")
  func friendlyName() throws {
    let root = try PFXWorkshop.root()
    let attributes = PFXForge.friendlyName("Root\u{202E}\u{0}<b>")
    let bags = [PFXForge.certificateBag(root.certificate, attributes: attributes), PFXForge.keyBag(root.key)]
    #expect(inspect(try PFXForge.file(bags)).root?.friendlyName == "Root\\u{202E}\\u{0}<b>")
  }

  private static let legacy = "-provider legacy -provider default"

  private static func exported(
    _ workshop: PFXWorkshop, _ words: String, password: String = PFXForge.password
  ) throws -> [UInt8] {
    _ = try workshop.material()
    return try workshop.export("root", words, password: password)
  }

  private static func path(_ length: String) -> [String] {
    ["basicConstraints=critical,CA:TRUE,pathlen:\(length)", "keyUsage=keyCertSign"]
  }

  private static func root(
    _ extensions: [String] = PFXWorkshop.rootExtensions, key: PFXWorkshop.Key = .p256
  ) -> @Sendable (PFXWorkshop) throws -> [UInt8] {
    { try PFXForge.file(try $0.material(key: key, extensions: extensions).bags) }
  }
}
