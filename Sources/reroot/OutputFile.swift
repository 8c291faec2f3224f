import ArgumentParser
import Foundation

/// A new file that is there as a whole or not at all: it is written beside its place under another name, and gets its own
/// only when it is on disk.
final class OutputFile {
  private let path: String
  private let folder: String
  private let part: String
  private let descriptor: Int32

  /// - Throws: `ValidationError` where something stands at the path, or nothing can be made in its folder.
  init(_ path: String) throws {
    self.path = path
    let parent = (path as NSString).deletingLastPathComponent
    folder = parent.isEmpty ? "." : parent
    part = "\(folder)/.\((path as NSString).lastPathComponent).\(UUID().uuidString)"
    var status = stat()
    guard lstat(path, &status) != 0 else { throw ValidationError(Self.sentence(path, EEXIST)) }
    descriptor = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw ValidationError(Self.sentence(path, errno)) }
  }

  /// What was not finished is not there.
  deinit {
    close(descriptor)
    unlink(part)
  }

  /// Writes all of the bytes.
  func write(_ bytes: [UInt8]) throws {
    let number = Output.write(bytes, to: descriptor)
    guard number == 0 else { throw failure(number) }
  }

  /// Puts it on disk and gives it its name, unless another file has got that meanwhile.
  func finish() throws {
    // link(2) replaces nothing, as rename(2) would; some file systems know no second name of a file.
    guard fsync(descriptor) == 0 else { throw failure(errno) }
    if link(part, path) != 0 {
      guard [EPERM, EOPNOTSUPP].contains(errno), rename(part, path) == 0 else { throw failure(errno) }
    }
    unlink(part)
    let parent = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    defer { close(parent) }
    guard parent >= 0, fsync(parent) == 0 else { throw failure(errno) }
  }

  private func failure(_ number: Int32) -> CommandFailure {
    CommandFailure(.failed, Output.unwritable, "\(path) cannot be written: \(String(cString: strerror(number))).")
  }

  private static func sentence(_ path: String, _ number: Int32) -> String {
    "\(path) cannot be made: \(String(cString: strerror(number)))."
  }
}
