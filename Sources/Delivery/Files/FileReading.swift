import Foundation
import PKI
import Rotation

/// Reading files of this machine.
enum FileReading {
  /// Reads a file, following links; nil when there is none, or no folder for it.
  static func read(_ path: String) throws -> TargetFile? { try read([path], own: .none)[0] }

  /// Reads several files, following links; nil for one that is not there, or has no folder.
  ///
  /// - Throws: `OWN_FILE` where one of them is Reroot's own; none is read then.
  static func read(_ paths: [String], own: Belongings) throws -> [TargetFile?] {
    let places = try found(paths, own: own)
    return try places.map { place in
      guard let place, let folder = try unlessMissing({ try Folder(realPath: place.folder) }) else { return nil }
      return try read(place.name, in: folder)
    }
  }

  /// Where files really lie, none of them Reroot's own; nil for one whose folder is missing.
  static func found(_ paths: [String], own: Belongings) throws -> [ResolvedPath?] {
    let places: [ResolvedPath?]
    do {
      places = try paths.map { path in try unlessMissing { try ResolvedPath(path) } }
    } catch {
      // What is Reroot's own is to be told, whatever else is wrong with it.
      try own.requireForeign(paths)
      throw error
    }
    if places.contains(nil) { try own.requireForeign(paths) } else { try own.requireForeign(places.compactMap(\.self)) }
    return places
  }

  private static func unlessMissing<Value>(_ body: () throws -> Value) throws -> Value? {
    do {
      return try body()
    } catch let failure as DeliveryFailure where failure.code == "FOLDER_MISSING" {
      return nil
    }
  }

  /// Reads a file that is not a link; nil when there is none.
  static func read(_ name: String, in folder: Folder) throws -> TargetFile? {
    // Looked at before it is opened: opening a device or a pipe can have effects.
    guard let status = try folder.status(name) else { return nil }
    try requireRegular(status, folder.path(of: name))
    // O_NONBLOCK: what has become a pipe since must not hold the thread.
    let file = try folder.open(name, O_RDONLY | O_NONBLOCK)
    return try read(file)
  }

  /// Throws `FOLDER_IN_THE_WAY` or `NOT_A_FILE` for what is no regular file.
  static func requireRegular(_ status: stat, _ path: String) throws {
    if status.isFolder { throw DeliveryFailure.system(EISDIR, "Using \(path)") }
    guard status.isRegular else {
      throw DeliveryFailure(
        code: "NOT_A_FILE", sentence: "\(path) is a device, a pipe or a socket where a file is needed.",
        advice: "Correct the path in the component's settings, or remove what stands there.")
    }
  }

  /// Reads an open file from its beginning.
  static func read(_ file: OpenFile) throws -> TargetFile {
    // A file that grows while it is read is read again; one that never stops growing is no certificate file.
    for _ in 0..<5 {
      let status = try file.status()
      try requireRegular(status, file.path)
      let size = Int(status.st_size)
      guard size <= TargetFile.maximumBytes else { throw tooLarge(file.path, size) }
      var count = 0
      let content = try SecretBytes(count: size + 1) { count = try fill($0, from: file) }
      guard count <= size else { continue }
      let exact = content.withBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
      return TargetFile(
        content: exact, owner: status.st_uid, group: status.st_gid, mode: FileMode(bits: status.permissions))
    }
    throw DeliveryFailure(
      code: "FILE_CHANGES", sentence: "\(file.path) keeps changing while it is read.",
      advice: "Find out which program writes it. Certificates must be replaced by Reroot alone.")
  }

  private static func fill(_ buffer: UnsafeMutableRawBufferPointer, from file: OpenFile) throws -> Int {
    var offset = 0
    while offset < buffer.count, let start = buffer.baseAddress {
      let count = pread(file.descriptor, start + offset, buffer.count - offset, off_t(offset))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw DeliveryFailure.system(errno, "Reading \(file.path)") }
      if count == 0 { break }
      offset += count
    }
    return offset
  }

  static func tooLarge(_ path: String, _ size: Int) -> DeliveryFailure {
    DeliveryFailure(
      code: "FILE_TOO_LARGE",
      sentence: "\(path) has \(size) bytes; a certificate file has \(TargetFile.maximumBytes) at most.",
      advice: "Check that the path names the right file.")
  }
}
