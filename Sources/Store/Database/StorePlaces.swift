import Foundation
import Glibc

/// What of this machine is a store's own, and so nobody else's file: the data folder with everything below it, and the file
/// that the master key comes from.
public struct StorePlaces: Sendable {
  let folder: String
  let source: MasterKeySource
  /// Outside of the folder, or inside.
  private let keyFiles: [String]
  private let marks: KnownMarks

  init(folder: String, masterKey: MasterKeySource) {
    self.folder = folder
    source = masterKey
    marks = KnownMarks(folder)
    keyFiles =
      switch masterKey {
      case .file(nil): []
      case .file(let path?): [path, MasterKeyFile.next(path), path + ".new"]
      case .credential(let name):
        [try? MasterKeySource.credentialPath(name, ProcessInfo.processInfo.environment)].compactMap(\.self)
      // Standard input, where the passphrase is a line of a file.
      case .passphrase: ["/proc/self/fd/0"]
      }
  }

  /// What a path is of the store's, in words such as “Reroot's data folder /var/lib/reroot”; nil for nothing.
  ///
  /// Files and folders are compared by device and inode, so that one is known under any of its names: a hard link, or a
  /// folder that is mounted at a second place. Blocking.
  ///
  /// - Parameter path: absolute, symbolic links followed as far as it exists.
  public func claim(on path: String) -> String? { claims(on: [path])[0] }

  /// The same of several paths at once, in their order: what they have in common is looked at once.
  public func claims(on paths: [String]) -> [String?] {
    let own = marks.all
    let keys = keyFiles.map { (path: $0, mark: FileMark.ofFile($0), place: Self.realPath($0)) }
    var looked: [ArraySlice<UInt8>: FileMark?] = [:]
    return paths.map { path in
      let marks = Self.marks(along: path, &looked)
      if marks.contains(where: own.contains) { return "Reroot's data folder \(folder)" }
      let key = keys.first { key in key.place == path || key.mark.map(marks.contains) ?? false }
      return key.map { "the file of Reroot's master key, \($0.path)" }
    }
  }

  /// A file and every folder above it, as far as they exist.
  ///
  /// - Parameter looked: what was looked at already.
  private static func marks(along path: String, _ looked: inout [ArraySlice<UInt8>: FileMark?]) -> [FileMark] {
    var found: [FileMark] = []
    // Byte by byte, as Linux tells names apart: to Swift two spellings of one letter are the same.
    var rest = Array(path.utf8)[...]
    while !rest.isEmpty {
      let mark = looked[rest] ?? FileMark(String(decoding: rest, as: UTF8.self))
      looked[rest] = .some(mark)
      if let mark { found.append(mark) }
      rest = rest.lastIndex(of: UInt8(ascii: "/")).map { rest[..<$0] } ?? []
    }
    return found
  }

  /// The real path of a file that need not be there: its name in the real path of its folder; nil when that is not there.
  static func realPath(_ file: String) -> String? {
    if let whole = resolved(file) { return whole }
    let slash = file.lastIndex(of: "/")
    let folder = slash.map { $0 == file.startIndex ? "/" : String(file[..<$0]) } ?? "."
    let name = slash.map { file[file.index(after: $0)...] } ?? file[...]
    return resolved(folder).map { $0 == "/" ? "/" + name : $0 + "/" + name }
  }

  static func resolved(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
  }
}

/// What tells a file from every other one, whatever it is called.
struct FileMark: Hashable {
  private let device: UInt64
  private let inode: UInt64

  /// Nil when there is none.
  init?(_ path: String, followsLinks: Bool = true) {
    var status = stat()
    guard (followsLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
  }

  /// Of a file alone: a device or a folder behind a link is nobody's own.
  static func ofFile(_ path: String) -> FileMark? {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return FileMark(status)
  }
}
