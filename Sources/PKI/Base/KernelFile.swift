import Foundation

/// The files in which the kernel tells of itself (proc(5)).
public enum KernelFile {
  /// The whole text; nil where it cannot be read. Blocking.
  ///
  /// Such a file says that it is empty and comes in pieces of a page at most. `FileManager` and `String` take the first of them
  /// for the whole.
  public static func text(_ path: String) -> String? {
    let handle = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    guard let data = try? handle?.readToEnd() else { return nil }
    return String(decoding: data, as: UTF8.self)
  }
}
