import Foundation
import PKI
import Rotation
import Synchronization

@testable import Delivery

/// A replacement with everything in it: two folders, a key, a link, a new file and one that goes away.
struct SampleChange: Sendable {
  let folder: TestFolder

  static let key = "-----BEGIN PRIVATE KEY-----\n"

  /// The files as they are before.
  init() throws {
    folder = try TestFolder()
    try folder.folder("tls")
    try folder.folder("trust")
    try folder.write("old chain", to: "tls/chain.pem", mode: 0o644)
    try folder.write(Self.key + "old", to: "tls/key.pem", mode: 0o600)
    try folder.write("old bundle", to: "trust/roots-1.pem", mode: 0o640)
    try folder.link("tls/roots.pem", to: "../trust/roots-1.pem")
    try folder.write("of another program", to: "tls/neighbour.txt", mode: 0o664)
    try folder.write("goes away", to: "trust/gone.pem", mode: 0o604)
  }

  /// What they are to become, in a folder of that path.
  static func changes(in path: String) -> [FileChange] {
    [
      FileChange(path: path + "/tls/roots.pem", content: SecretBytes(utf8: "new bundle"), mode: 0o644),
      FileChange(path: path + "/tls/key.pem", content: SecretBytes(utf8: key + "new"), mode: 0o600),
      FileChange(path: path + "/tls/chain.pem", content: SecretBytes(utf8: "new chain"), mode: 0o644),
      FileChange(path: path + "/trust/new.key", content: SecretBytes(utf8: key + "first"), mode: 0o400),
      FileChange(path: path + "/trust/gone.pem", content: nil, mode: 0),
    ]
  }

  /// The real paths of the files.
  var paths: [String] { Self.changes(in: folder.path).map(\.path) }

  /// Replaces them, telling each step.
  func perform(_ observe: @escaping @Sendable (ReplacementStep) throws -> Void = { _ in }) async throws {
    try await TargetAccess.local(observe: observe).replace(Self.changes(in: folder.path))
  }

  /// How many steps it has.
  static func countSteps() async throws -> Int {
    let count = Counter()
    try await SampleChange().perform { _ in count.next() }
    return count.value
  }

  /// The files as they are afterwards.
  static func after() async throws -> [String: Pictured] {
    let sample = try SampleChange()
    try await sample.perform()
    return try sample.folder.picture()
  }
}

/// Counts, from several threads.
final class Counter: Sendable {
  private let count = Mutex(0)

  var value: Int { count.withLock { $0 } }

  /// Counts one more; which one it is, beginning with 0.
  @discardableResult func next() -> Int {
    count.withLock { count in
      defer { count += 1 }
      return count
    }
  }
}

/// Collects, from several threads.
final class Collected<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])

  var all: [Element] { elements.withLock { $0 } }

  func append(_ element: Element) { elements.withLock { $0.append(element) } }
}
