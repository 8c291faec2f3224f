import Foundation

/// The files in which the kernel tells of itself (proc(5)).
public enum KernelFile {
  /// The whole text; nil where it cannot be read. Blocking.
  ///
  /// Such a file says that it is empty and comes in pieces of a page at most. `FileManager` and `String` take the first of them
  /// for the whole.
  ///
  /// - Parameter isEnough: asked after each piece whether the rest may be left out.
  public static func text(_ path: String, until isEnough: (Data) -> Bool = { _ in false }) -> String? {
    guard let handle = try? FileHandle(forReadingFrom: URL(fileURLWithPath: path)) else { return nil }
    var text = Data()
    do {
      while let piece = try handle.read(upToCount: 65_536), !piece.isEmpty {
        text += piece
        if isEnough(piece) { break }
      }
    } catch {
      return nil
    }
    return String(decoding: text, as: UTF8.self)
  }
}
