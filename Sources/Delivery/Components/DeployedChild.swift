import PKI
import Rotation

/// A child certificate that was put into a component's files together with its key, and what the files got, by which they are
/// known again without being taken apart.
public struct DeployedChild: Sendable {
  /// The certificate; the key that went with it belongs to it.
  public let certificate: Certificate
  /// SHA-256 of what each file got, by its path.
  private let digests: [String: String]

  init(_ certificate: Certificate, in changes: [FileChange]) {
    self.certificate = certificate
    digests = Dictionary(
      changes.compactMap { change in change.content.map { (change.path, $0.sha256Hex) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Whether a file holds, to the last byte, what it got.
  func isStill(_ file: TargetFile?, at path: String) -> Bool {
    guard let file, let digest = digests[path] else { return false }
    return file.content.sha256Hex == digest
  }
}
