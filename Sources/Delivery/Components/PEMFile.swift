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

  /// The certificates of a trust bundle; an empty file has none.
  static func bundle(_ content: SecretBytes, path: String) throws -> [Certificate] {
    try read("BUNDLE_UNREADABLE", path) {
      do {
        return try Certificate.parse(pem: content.publicText)
      } catch let error as PKIError where error.code == "NO_CERTIFICATE" && !content.publicText.contains("-----BEGIN") {
        return []
      }
    }
  }

  /// The private key of a key or combined file.
  static func key(_ content: SecretBytes, path: String) throws -> PrivateKey {
    try read("KEY_UNREADABLE", path) { try PrivateKey(pem: content) }
  }

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
