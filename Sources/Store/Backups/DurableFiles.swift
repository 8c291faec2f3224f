import Foundation
import Glibc

/// Files that are on disk before anybody is told of them.
enum DurableFiles {
  /// Writes all of it, however little the system takes at a time.
  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw failure("write", path)
      }
    }
  }

  /// As many bytes as asked for, fewer at the end of the file.
  static func read(_ count: Int, from descriptor: Int32, _ path: String) throws -> [UInt8] {
    var failed = false
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + filled }, count - filled)
        if got > 0 {
          filled += got
        } else if got == 0 {
          break
        } else if errno != EINTR {
          failed = true
          break
        }
      }
    }
    if failed { throw failure("read", path) }
    return bytes
  }

  /// Makes a file that must not be there yet, for its owner only.
  static func create(_ path: String) throws -> Int32 {
    let descriptor = Glibc.open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("make", path) }
    return descriptor
  }

  static func sync(_ descriptor: Int32, _ path: String) throws {
    guard fsync(descriptor) == 0 else { throw failure("write", path) }
  }

  /// Puts what was made, renamed or removed in a folder on disk.
  static func syncFolder(_ path: String) throws {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("read", path) }
    defer { close(descriptor) }
    try sync(descriptor, path)
  }

  /// The same for the folder that a file is in.
  static func syncFolder(of path: String) throws {
    let folder = (path as NSString).deletingLastPathComponent
    try syncFolder(folder.isEmpty ? "." : folder)
  }

  /// Syncs a file that somebody else has written.
  static func syncFile(_ path: String) throws {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("read", path) }
    defer { close(descriptor) }
    try sync(descriptor, path)
  }

  static func rename(_ from: String, _ to: String) throws {
    guard Glibc.rename(from, to) == 0 else { throw failure("rename", from) }
  }

  /// Gives a file its place unless something stands there.
  ///
  /// - Returns: false when something does.
  static func renameWithoutReplacing(_ from: String, _ to: String) throws -> Bool {
    if link(from, to) == 0 {
      unlink(from)
      return true
    }
    if errno == EEXIST { return false }
    // Some file systems know no second name of a file (link(2), EPERM); then the look and the renaming are two steps.
    guard [EPERM, EOPNOTSUPP, ENOSYS, EMLINK].contains(errno) else { throw failure("rename", from) }
    var status = stat()
    guard lstat(to, &status) != 0 else { return false }
    try rename(from, to)
    return true
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  static func failure(_ verb: String, _ path: String) -> StoreError {
    let number = errno
    let done =
      ["write": "written", "read": "read", "make": "made", "rename": "renamed", "remove": "removed"][verb] ?? verb
    let reason = String(cString: strerror(number))
    if number == ENOSPC || number == EDQUOT {
      return StoreError(code: "DISK_FULL", sentence: "\(path) cannot be \(done): the disk is full. Make room there.")
    }
    return StoreError(
      code: "FILE_FAILED", sentence: "\(path) cannot be \(done) (\(reason)). Check the path, its owner and its mode.")
  }
}
