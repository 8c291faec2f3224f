import Foundation
import PKI

/// The contents of a component's files.
enum PEMFile {
  /// Certificates, and after them the key where there is one.
  static func content(_ certificates: [Certificate], key: SecretBytes? = nil) -> SecretBytes {
    let text = Array(certificates.map(\.pem).joined().utf8)
    guard let key else { return SecretBytes(text) }
    return SecretBytes(count: text.count + key.count) { buffer in
      buffer.copyBytes(from: text)
      key.withBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[text.count...]).copyMemory(from: $0) }
    }
  }

  /// The certificates of a chain or combined file, at least one.
  static func chain(_ content: SecretBytes, path: String) throws -> [Certificate] {
    try read("CERTIFICATE_UNREADABLE", path) { try Certificate.parse(pem: content) }
  }

  /// The certificates of a trust bundle; one that is empty, or holds comments only, has none.
  ///
  /// A file that holds anything else is no trust bundle, or one that would lose something: it is replaced by
  /// certificates alone.
  static func bundle(_ content: SecretBytes, path: String) throws -> [Certificate] {
    try RecentBundles.common.certificates(in: content) { try readBundle(content, path: path) }
  }

  private static func readBundle(_ content: SecretBytes, path: String) throws -> [Certificate] {
    let lines = content.publicText.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    let others = lines.filter { $0.hasPrefix("-----BEGIN ") && !certificateBeginnings.contains($0) }
    if let other = others.first {
      throw DeliveryFailure(
        code: "BUNDLE_UNREADABLE",
        sentence: "\(path) holds something beside certificates (“\(VisibleText.of(other, limit: 60))”), which a new "
          + "trust bundle would lose.",
        advice: "Keep that in a file of its own, or correct the path in the component's settings.")
    }
    if !lines.contains(where: certificateBeginnings.contains), lines.allSatisfy({ $0.isEmpty || $0.hasPrefix("#") }) {
      return []
    }
    return try read("BUNDLE_UNREADABLE", path) { try Certificate.parse(pem: content.publicText) }
  }

  /// RFC 7468, section 5.1, and what older programs write.
  private static let certificateBeginnings: Set = ["-----BEGIN CERTIFICATE-----", "-----BEGIN X509 CERTIFICATE-----"]

  /// The private key of a key or combined file.
  static func key(_ content: SecretBytes, path: String) throws -> PrivateKey {
    try read("KEY_UNREADABLE", path) { try PrivateKey(pem: content) }
  }

  /// Throws `NOT_PEM` for a file that is neither empty nor has anything in PEM: a damaged certificate may be replaced, but
  /// this is another program's file. A bundle has a rule of its own.
  static func requirePEM(_ content: SecretBytes, path: String) throws {
    let (isEmpty, hasPEM) = content.withBytes { bytes in
      (bytes.allSatisfy { $0 <= 0x20 }, bytes.firstRange(of: Array("-----BEGIN ".utf8)) != nil)
    }
    guard !isEmpty, !hasPEM else { return }
    throw DeliveryFailure(
      code: notPEM,
      sentence:
        "\(path) holds neither a certificate nor a key in PEM, but something else, which an update would destroy.",
      advice: "Correct the path in the component's settings. If nobody needs the file, move it away.")
  }

  static let notPEM = "NOT_PEM"

  private static func read<Value>(_ code: String, _ path: String, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch let error as PKIError {
      throw DeliveryFailure(
        code: code, sentence: "\(path) cannot be used: \(error.sentence)",
        advice: "Check that the path in the component's settings names the right file.")
    }
  }
}
