import Foundation

@testable import PKI

/// One row or more for every reason to refuse a file.
enum PFXRefusalRows {
  typealias Row = PFXRefusalTests.Row

  /// What is wrong with the file as such.
  static let file: [Row] = [
    Row(.emptyFile, "no bytes") { _ in [] },
    Row(.tooLarge, "one byte over 1 MiB") { _ in
      let file = try PFXForge.file(try PFXWorkshop.root().bags)
      return file + [UInt8](repeating: 0, count: (1 << 20) + 1 - file.count)
    },
    Row(.notPKCS12, "a PEM certificate") { workshop in
      _ = try workshop.material()
      return try workshop.read("root.crt")
    },
    Row(.malformed, "cut in the middle") { _ in
      let file = try PFXForge.file(try PFXWorkshop.root().bags)
      return Array(file.prefix(file.count / 2))
    },
    Row(.malformed, "version 2") { _ in
      try PFXForge.file(safes: [PFXForge.plainSafe(try PFXWorkshop.root().bags)], version: 2)
    },
    Row(.malformed, "a MAC of 0 iterations") { _ in
      try PFXForge.file(safes: [PFXForge.plainSafe(try PFXWorkshop.root().bags)], statedIterations: 0)
    },
    Row(.malformed, "a MAC of −5 iterations") { _ in
      try PFXForge.file(safes: [PFXForge.plainSafe(try PFXWorkshop.root().bags)], statedIterations: -5)
    },
    Row(.malformed, "a certificate that is none") { _ in
      try PFXForge.file([PFXForge.certificateBag([0x30, 0x00]), PFXForge.keyBag(try PFXWorkshop.root().key)])
    },
    Row(.noMAC, "made with -nomac") { workshop in
      _ = try workshop.material()
      return try workshop.export("root", "-nomac")
    },
    Row(.iterationsTooHigh, "the MAC, one over the limit") { _ in
      try PFXForge.file(safes: [PFXForge.plainSafe(try PFXWorkshop.root().bags)], statedIterations: 1_000_001)
    },
    Row(.unsupportedMAC, "PBMAC1") { _ in
      let safe = PFXForge.plainSafe(try PFXWorkshop.root().bags)
      return try PFXForge.file(safes: [safe], macAlgorithm: "1.2.840.113549.1.5.14")
    },
    Row(.unsupportedMAC, "a GOST digest") { _ in
      let safe = PFXForge.plainSafe(try PFXWorkshop.root().bags)
      return try PFXForge.file(safes: [safe], macAlgorithm: "1.2.643.7.1.1.2.2")
    },
    Row(.wrongPassword, "another password", password: "test-1234") { _ in
      try PFXForge.file(try PFXWorkshop.root().bags)
    },
    Row(.wrongPassword, "an empty password", password: "") { _ in try PFXForge.file(try PFXWorkshop.root().bags) },
    Row(.wrongPassword, "a NUL after the right one", password: "Test-1234\0tail") { _ in
      try PFXForge.file(try PFXWorkshop.root().bags)
    },
    Row(.unsupportedCipher, "an unknown cipher") { _ in
      let algorithm = PFXForge.sequence(PFXForge.identifier("1.2.3.4.5"), PFXForge.element(0x05, []))
      return try PFXForge.file(safes: [PFXForge.encryptedSafe(algorithm: algorithm)])
    },
    Row(.tooManyObjects, "201 certificates") { _ in
      let root = try PFXWorkshop.root()
      let bags = [[UInt8]](repeating: PFXForge.certificateBag(root.certificate), count: 201)
      return try PFXForge.file(bags + [PFXForge.keyBag(root.key)])
    },
    Row(.tooManyObjects, "201 keys") { _ in
      let root = try PFXWorkshop.root()
      let bags = [[UInt8]](repeating: PFXForge.keyBag(root.key), count: 201)
      return try PFXForge.file(bags + [PFXForge.certificateBag(root.certificate)])
    },
  ]

  /// What is wrong with the keys and certificates together.
  static let contents: [Row] = [
    Row(.keyUndecryptable, "a key under another password") { workshop in
      let root = try workshop.material()
      try workshop.openssl("pkcs8 -topk8 -in root.key -outform DER -out root.enc -passout pass:other")
      let key = PFXForge.shroudedBag(try workshop.read("root.enc"))
      return try PFXForge.file([PFXForge.certificateBag(root.certificate), key])
    },
    Row(.keyUndecryptable, "a part under another password") { _ in
      let algorithm = PFXForge.pbes2(PFXForge.pbkdf2(iterations: 1))
      return try PFXForge.file(safes: [PFXForge.encryptedSafe(algorithm: algorithm)])
    },
    Row(.noCertificate, "a key alone") { _ in try PFXForge.file([PFXForge.keyBag(try PFXWorkshop.root().key)]) },
    Row(.noCertificate, "nothing at all") { _ in try PFXForge.file([]) },
    Row(.noKey, "a certificate alone") { _ in
      try PFXForge.file([PFXForge.certificateBag(try PFXWorkshop.root().certificate)])
    },
    Row(.keyMismatch, "another root's key") { _ in
      let key = PFXForge.keyBag(try PFXWorkshop.otherRoot().key)
      return try PFXForge.file([PFXForge.certificateBag(try PFXWorkshop.root().certificate), key])
    },
    Row(.multipleKeys, "two roots with their keys") { _ in
      try PFXForge.file(try PFXWorkshop.root().bags + PFXWorkshop.otherRoot().bags)
    },
    Row(.severalCertificatesForKey, "two certificates of one key") { workshop in
      let first = try workshop.material()
      let second = try workshop.material(subject: "CN=Test Root 2", keepKey: true)
      return try PFXForge.file(first.bags + [PFXForge.certificateBag(second.certificate)])
    },
    Row(.unsupportedKeyType, "DSA") { workshop in
      try workshop.openssl("dsaparam -out root.par 1024")
      try workshop.openssl("gendsa -out root.key root.par")
      return try PFXForge.file(try workshop.material(keepKey: true).bags)
    },
    Row(.unsupportedKeyType, "a curve that is spelled out") { workshop in
      try PFXForge.file(try workshop.material(key: .explicit).bags)
    },
    Row(.unsupportedKeyType, "X25519") { workshop in
      try workshop.openssl("genpkey -algorithm X25519 -out other.key")
      try workshop.openssl("pkcs8 -topk8 -nocrypt -in other.key -outform DER -out other.p8")
      let certificate = PFXForge.certificateBag(try PFXWorkshop.root().certificate)
      return try PFXForge.file([certificate, PFXForge.keyBag(try workshop.read("other.p8"))])
    },
    Row(.unsupportedKeyType, "three primes") { workshop in
      try PFXForge.file(try workshop.material(key: .threePrimes).bags)
    },
  ]

  /// What is wrong with the certificate.
  static let certificate: [Row] = [
    Row(.notAnAuthority, "CA:FALSE", make: root(["basicConstraints=CA:FALSE"])),
    Row(.notAnAuthority, "no basic constraints", make: root(["keyUsage=keyCertSign"])),
    Row(.notAnAuthority, "version 1", make: root([])),
    Row(.noKeyCertSign, "key usage without it", make: root(["basicConstraints=CA:TRUE", "keyUsage=cRLSign"])),
    Row(.notARoot, "an intermediate") { workshop in
      _ = try workshop.material()
      return try PFXForge.file(try workshop.material("sub", subject: "CN=Intermediate", issuer: "root").bags)
    },
    Row(.badSelfSignature, "the last bit flipped") { _ in
      let root = try PFXWorkshop.root()
      var certificate = root.certificate
      certificate[certificate.count - 1] ^= 1
      return try PFXForge.file(PFXMaterial(certificate: certificate, key: root.key).bags)
    },
    Row(.badSelfSignature, "another key under the same name") { workshop in
      _ = try workshop.material()
      return try PFXForge.file(try workshop.material("twin", issuer: "root").bags)
    },
    Row(.invalidExtension, "a negative path length") { workshop in
      let extensions = ["basicConstraints=critical,DER:30060101FF0201FF", "keyUsage=keyCertSign"]
      return try PFXForge.file(try workshop.material(extensions: extensions).bags)
    },
    Row(
      .unknownCriticalExtension, "a private one",
      make: root(PFXWorkshop.rootExtensions + ["1.3.6.1.4.1.99999.1=critical,DER:0500"])),
    Row(.weakKey, "RSA 1024") { try PFXForge.file(try $0.material(key: .rsa1024).bags) },
    Row(.weakKey, "RSA 2047") { try PFXForge.file(try $0.material(key: .rsa2047).bags) },
    Row(.weakKey, "P-192") { try PFXForge.file(try $0.material(key: .p192).bags) },
    Row(.weakSignature, "MD5") { workshop in
      try PFXForge.file(try workshop.material(key: .rsa2048, arguments: "-md5 -days 3650").bags)
    },
    Row(.expired, "ten years and a day later", now: 3651 * 86_400) { try PFXForge.file(try $0.material().bags) },
    Row(.notYetValid, "an hour before", now: -3600) { try PFXForge.file(try $0.material().bags) },
  ]

  private static func root(_ extensions: [String]) -> @Sendable (PFXWorkshop) throws -> [UInt8] {
    { try PFXForge.file(try $0.material(extensions: extensions).bags) }
  }
}
