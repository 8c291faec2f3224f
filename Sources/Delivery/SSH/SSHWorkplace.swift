import Foundation
import Rotation

/// A folder of a connection that nobody else can look into, removed with the last reference to it.
///
/// Its path is short, because a socket's may have 107 bytes at most (unix(7)) and ssh makes it longer at first.
final class SSHWorkplace: Sendable {
  let path: String

  init() throws {
    // Mode 0700 (mkdtemp(3)). In /tmp whatever TMPDIR says, because the socket in it may have 107 bytes only (unix(7)).
    var template = Array("/tmp/reroot-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw DeliveryFailure.system(errno, "Making a folder in /tmp for ssh") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file that nobody else can read.
  func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw DeliveryFailure.system(errno, "Making \(path)") }
    try Array(text.utf8).withUnsafeBytes { try OpenFile(takingOwnership: descriptor, path: path).write($0) }
  }
}
