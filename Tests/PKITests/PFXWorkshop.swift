import Foundation

@testable import PKI

/// A certificate and its key as OpenSSL's own command line makes them.
struct PFXMaterial: Sendable {
  let certificate: [UInt8]
  let key: [UInt8]

  /// The bags of a sound file.
  var bags: [[UInt8]] { [PFXForge.certificateBag(certificate), PFXForge.keyBag(key)] }
}

/// A folder in which the `openssl` command works; it is removed at the end.
final class PFXWorkshop: Sendable {
  let folder: URL

  /// How keys are made, in words of `openssl genpkey`.
  enum Key: String, Sendable {
    case p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"
    case p192 = "-algorithm EC -pkeyopt ec_paramgen_curve:prime192v1"
    case p384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"
    case explicit = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit"
    case rsa1024 = "-algorithm RSA -pkeyopt rsa_keygen_bits:1024"
    case rsa2047 = "-algorithm RSA -pkeyopt rsa_keygen_bits:2047"
    case rsa2048 = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"
    case rsaPSS = "-algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048"
    case threePrimes = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt rsa_keygen_primes:3"
    case ed25519 = "-algorithm ED25519"
    case ed448 = "-algorithm ED448"
    case x25519 = "-algorithm X25519"
  }

  static let rootExtensions = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]

  private static let shared = Result { try PFXWorkshop().material() }
  private static let sharedOther = Result { try PFXWorkshop().material(subject: "CN=Another Root") }

  /// A sound P-256 root, made once for all tests.
  static func root() throws -> PFXMaterial { try shared.get() }
  /// A second one.
  static func otherRoot() throws -> PFXMaterial { try sharedOther.get() }

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("pfx-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
  func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: folder.appendingPathComponent(name))) }
  func write(_ text: String, _ name: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  /// Runs `openssl` in the folder; throws with what it said when it fails.
  func openssl(_ words: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["openssl"] + words
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let errors = folder.appendingPathComponent("errors-\(UUID().uuidString)")
    try Data().write(to: errors)
    process.standardError = try FileHandle(forWritingTo: errors)
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw PKIError(
        code: "OPENSSL", sentence: words.joined(separator: " "), detail: try String(contentsOf: errors, encoding: .utf8)
      )
    }
  }

  func openssl(_ line: String) throws { try openssl(line.split(separator: " ").map(String.init)) }

  /// Makes a key and a certificate for it, signed by itself or by `issuer`'s files; leaves NAME.key and NAME.crt (PEM).
  func material(
    _ name: String = "root", key: Key = .p256, subject: String = "CN=Test Root", extensions: [String] = rootExtensions,
    issuer: String? = nil, arguments: String = "-sha256 -days 3650", keepKey: Bool = false
  ) throws -> PFXMaterial {
    if !keepKey { try openssl("genpkey \(key.rawValue) -out \(name).key") }
    let lines = subject.split(separator: "/").joined(separator: "\n")
    try write(
      "[req]\ndistinguished_name=d\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[d]\n\(lines)\n[v]\n"
        + extensions.joined(separator: "\n") + "\n", "\(name).cnf")
    let digest = [.ed25519, .ed448].contains(key) ? arguments.replacing("-sha256 ", with: "") : arguments
    if let issuer {
      try openssl("req -new -key \(name).key -config \(name).cnf -out \(name).csr")
      try openssl(
        "x509 -req -in \(name).csr -CA \(issuer).crt -CAkey \(issuer).key -CAcreateserial -out \(name).crt \(digest) "
          + (extensions.isEmpty ? "" : "-extfile \(name).cnf -extensions v"))
    } else {
      let section = extensions.isEmpty ? "" : "-extensions v"
      try openssl("req -new -x509 -key \(name).key -config \(name).cnf -out \(name).crt \(digest) \(section)")
    }
    return try material(certificate: name, key: name)
  }

  /// What stands in NAME.crt and NAME.key.
  func material(certificate: String, key: String) throws -> PFXMaterial {
    try openssl("x509 -in \(certificate).crt -outform DER -out \(certificate).der")
    try openssl("pkcs8 -topk8 -nocrypt -in \(key).key -outform DER -out \(key).p8")
    return PFXMaterial(certificate: try read("\(certificate).der"), key: try read("\(key).p8"))
  }

  /// `openssl pkcs12 -export` of NAME, with further words.
  func export(_ name: String = "root", _ words: String = "", password: String = PFXForge.password) throws -> [UInt8] {
    try openssl(
      [
        "pkcs12", "-export", "-in", "\(name).crt", "-inkey", "\(name).key", "-out", "\(name).pfx", "-passout",
        "pass:\(password)",
      ]
        + words.split(separator: " ").map(String.init))
    return try read("\(name).pfx")
  }
}

/// An inspection at a moment when the certificates of the tests are valid.
func inspect(_ bytes: [UInt8], password: String = PFXForge.password, now: Date = Date()) -> PFXInspection {
  PFX.inspectRoot(bytes, password: SecretBytes(utf8: password), now: now)
}
