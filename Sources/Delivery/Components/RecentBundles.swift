import PKI
import Synchronization

/// The trust bundles that were read last, by their content: the components of a system mostly have the same one, and to take a
/// certificate apart takes longer than to read its file.
final class RecentBundles: Sendable {
  static let common = RecentBundles()

  private let known = Mutex<[String: [Certificate]]>([:])

  /// So many, of so many bytes each at most: a few hundred kilobytes of memory.
  private static let most = 16
  private static let largest = 16_384

  /// The certificates in a bundle, read by `body` unless the same content was read lately. What cannot be read is not kept.
  func certificates(in content: SecretBytes, _ body: () throws -> [Certificate]) rethrows -> [Certificate] {
    guard content.count <= Self.largest else { return try body() }
    let digest = content.sha256Hex
    if let found = known.withLock({ $0[digest] }) { return found }
    let read = try body()
    known.withLock { known in
      if known.count >= Self.most { known = [:] }
      known[digest] = read
    }
    return read
  }
}
