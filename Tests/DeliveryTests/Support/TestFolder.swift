import Foundation
import PKI
import Rotation

@testable import Delivery

/// A folder that goes away with the last reference to it; nothing in it is reached over a symbolic link.
final class TestFolder: Sendable {
  let path: String

  init() throws {
    let place = URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
    path = place + "/reroot-delivery-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The whole path of a name in it.
  func path(_ name: String) -> String { path + "/" + name }

  /// Makes a folder in it.
  func folder(_ name: String) throws {
    try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
  }

  /// Writes a file, with the mode whatever the umask says.
  @discardableResult func write(_ text: String, to name: String, mode: mode_t = 0o644) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path(name)))
    try check(chmod(path(name), mode))
    return path(name)
  }

  func link(_ name: String, to target: String) throws { try check(symlink(target, path(name))) }

  func giveAway(_ name: String, to user: uid_t, group: gid_t) throws { try check(lchown(path(name), user, group)) }

  func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: path(name))), as: UTF8.self)
  }

  func exists(_ name: String) -> Bool {
    var status = stat()
    return lstat(path(name), &status) == 0
  }

  /// Everything below it, as it can be told from outside.
  func picture() throws -> [String: Pictured] { try Pictured.all(below: path) }

  /// The names below it that a replacement leaves until it is done.
  func traces() throws -> [String] {
    try picture().keys.filter { $0.contains(".reroot-") }.sorted()
  }

  private func check(_ result: Int32) throws {
    guard result == 0 else { throw DeliveryFailure.system(errno, "Preparing \(path)") }
  }
}

/// What stands under a name: everything but the times and the number of names.
struct Pictured: Hashable, CustomStringConvertible {
  let mode: UInt32
  let owner: UInt32
  let group: UInt32
  /// The bytes of a file, or where a link points to.
  let content: String

  var description: String { "\(String(mode, radix: 8)) \(owner):\(group) \(content.count) bytes \(content.prefix(40))" }

  static func all(below path: String) throws -> [String: Pictured] {
    var found: [String: Pictured] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      let whole = path + "/" + name
      var status = stat()
      guard lstat(whole, &status) == 0 else { continue }
      let content: String
      if status.isLink {
        content = "-> " + (try FileManager.default.destinationOfSymbolicLink(atPath: whole))
      } else if status.isRegular {
        content = String(decoding: try Data(contentsOf: URL(fileURLWithPath: whole)), as: UTF8.self)
      } else {
        content = ""
      }
      found[name] = Pictured(
        mode: UInt32(status.st_mode), owner: status.st_uid, group: status.st_gid, content: content)
    }
    return found
  }
}

extension SecretBytes {
  var text: String { withBytes { String(decoding: $0, as: UTF8.self) } }
}

/// Whether these tests may give files to other users, which takes root.
let isRoot = geteuid() == 0

/// The code of what the body throws; nil when it throws nothing, `not a DeliveryFailure` for anything else.
func code(of body: () async throws -> Void) async -> String? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? DeliveryFailure)?.code ?? "not a DeliveryFailure: \(error)"
  }
}

/// The failure that the body throws; nil when it throws none.
func failure(of body: () async throws -> Void) async -> DeliveryFailure? {
  do {
    try await body()
    return nil
  } catch { return error as? DeliveryFailure }
}

/// Waits until the condition holds; whether it did within ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
  let start = ContinuousClock.now
  while !condition() {
    guard ContinuousClock.now - start < .seconds(10) else { return false }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}
