import Foundation
import Glibc

/// The room that a file system has left.
public struct FreeSpace: Sendable, Hashable {
  /// Bytes for users other than root.
  public var bytes: Int
  /// Files that can still be made; nil where the file system counts none.
  public var files: Int?
  /// Tells file systems apart.
  public var device: UInt64

  /// Describes what is left.
  public init(bytes: Int, files: Int? = nil, device: UInt64 = 0) {
    self.bytes = bytes
    self.files = files
    self.device = device
  }

  /// What is left where a path is.
  static func of(_ path: String) -> FreeSpace? {
    var room = statvfs()
    var status = stat()
    guard statvfs(path, &room) == 0, stat(path, &status) == 0 else { return nil }
    let (bytes, overflows) = Int(clamping: room.f_bavail).multipliedReportingOverflow(by: Int(clamping: room.f_frsize))
    return FreeSpace(
      bytes: overflows ? .max : bytes, files: room.f_files > 0 ? Int(clamping: room.f_favail) : nil,
      device: UInt64(status.st_dev))
  }
}

/// Whether there is room.
enum SpaceDoctor {
  static func check(_ name: String, _ path: String, _ space: FreeSpace?, wanted: Int, needed: Int) -> DoctorCheck {
    guard let space else {
      return .fail(name, "How much is free at \(path) cannot be told.", "Check that the folder is there.")
    }
    if let files = space.files, files < 16 {
      return .fail(name, "Only \(files) more files can be made at \(path).", "Remove files there that nobody needs.")
    }
    let sentence = "\(ByteText.of(space.bytes)) are free at \(path)."
    if space.bytes < needed { return .fail(name, sentence, "Make room there: an update would fail in its middle.") }
    if space.bytes < wanted { return .warn(name, sentence, "Make room there before it is full.") }
    return .ok(name, sentence)
  }
}

/// Numbers of bytes for people.
enum ByteText {
  /// `512 bytes`, `3.4 MiB`.
  static func of(_ bytes: Int) -> String {
    var value = Double(bytes)
    var unit = "bytes"
    for next in ["KiB", "MiB", "GiB", "TiB"] where value >= 1024 {
      value /= 1024
      unit = next
    }
    if unit == "bytes" { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded())
    return tenths >= 1000 ? "\(tenths / 10) \(unit)" : "\(tenths / 10).\(tenths % 10) \(unit)"
  }
}
