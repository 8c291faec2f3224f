import Foundation
import Testing

@testable import PKI

/// The moment at which the tests of issuing happen: 1 January 2030, 00:00 UTC.
let testNow = Date(timeIntervalSince1970: 1_893_456_000)

let day: TimeInterval = 86_400

/// A folder that goes away with the last reference to it.
final class ScratchFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/pki-test-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws -> String {
    let file = path + "/" + name
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// A finished command.
struct CommandResult {
  let status: Int32
  let output: String

  /// Runs a program found on PATH, with its standard error in `output` too.
  static func of(_ words: [String]) throws -> CommandResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return CommandResult(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
  }
}

/// A key that `KeyAlgorithm` does not offer, made by OpenSSL's command line.
func exoticKey(_ arguments: [String]) throws -> PrivateKey {
  let result = try CommandResult.of(["openssl", "genpkey", "-quiet"] + arguments)
  guard let start = result.output.range(of: "-----BEGIN") else { throw CocoaError(.fileReadCorruptFile) }
  return try PrivateKey(pem: SecretBytes(utf8: String(result.output[start.lowerBound...])))
}

/// The kinds of root that issuing is tried under; each is made once.
enum RootKind: String, CaseIterable, Sendable {
  case p256, p384, p521, brainpool, rsa2048, rsa4096, pss, pssSHA384, ed25519, ed448

  var identity: Identity {
    get throws { try Self.all.get()[self].map { $0 } ?? { throw CocoaError(.featureUnsupported) }() }
  }

  private static let all = Result {
    try Dictionary(
      uniqueKeysWithValues: allCases.map { kind in
        let root = try RootMaker.makeRoot(
          commonName: "Root \(kind.rawValue)", organization: "Tests", key: kind.makeKey(),
          notBefore: testNow - 30 * day, notAfter: testNow + 3650 * day)
        return (kind, root)
      })
  }

  private func makeKey() throws -> PrivateKey {
    switch self {
    case .p256: try .generate(.ecdsaP256)
    case .p384: try .generate(.ecdsaP384)
    case .p521: try exoticKey(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"])
    case .brainpool: try exoticKey(["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1"])
    case .rsa2048: try .generate(.rsa2048)
    case .rsa4096: try .generate(.rsa4096)
    case .pss: try exoticKey(["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"])
    case .pssSHA384:
      try exoticKey([
        "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_pss_keygen_md:sha384",
        "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha384", "-pkeyopt", "rsa_pss_keygen_saltlen:48",
      ])
    case .ed25519: try .generate(.ed25519)
    case .ed448: try exoticKey(["-algorithm", "ED448"])
    }
  }

  /// The signature that a child has to carry.
  var signatureAlgorithm: String {
    switch self {
    case .p256: "ecdsa-with-SHA256"
    case .p384, .brainpool: "ecdsa-with-SHA384"
    case .p521: "ecdsa-with-SHA512"
    case .rsa2048, .rsa4096: "sha256WithRSAEncryption"
    case .pss, .pssSHA384: "rsassaPss"
    case .ed25519: "ED25519"
    case .ed448: "ED448"
    }
  }
}

/// One key of each kind that components can have; each is made once.
func componentKey(_ algorithm: KeyAlgorithm) throws -> PrivateKey {
  try ComponentKeys.all.get()[algorithm] ?? { throw CocoaError(.featureUnsupported) }()
}

private enum ComponentKeys {
  static let all = Result {
    try Dictionary(uniqueKeysWithValues: KeyAlgorithm.allCases.map { ($0, try PrivateKey.generate($0)) })
  }
}

/// A request that every root of `RootKind` allows, to be changed by the tests.
func request(
  names: [AlternativeName] = [.dns("gateway.plant.example"), .ip("192.0.2.7"), .ip("2001:db8::7")],
  usage: CertificateUsage = .both, key: KeyAlgorithm = .ecdsaP256, notBefore: Date = testNow - 300,
  notAfter: Date = testNow + 365 * day
) throws -> ChildRequest {
  ChildRequest(
    names: names, usage: usage, publicKeyOf: try componentKey(key), serialNumber: .random(), notBefore: notBefore,
    notAfter: notAfter)
}

func issue(_ request: ChildRequest, under root: Identity, now: Date = testNow) throws -> Certificate {
  let certificate = try #require(root.leaf)
  return try Issuer(root: certificate, key: root.key).sign(CheckedRequest(request, root: certificate, now: now))
}

/// The code of the error that the body throws; nil when it throws none, or one of another type.
func code(of body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch { return (error as? PKIError)?.code }
}
