import Foundation
import PKI
import Synchronization

/// The folder of a store.
enum StoreFolder {
  /// Makes the folder, for its owner only, and checks that it can be written.
  static func prepare(_ folder: String) throws {
    let manager = FileManager.default
    if !manager.fileExists(atPath: folder) {
      // Whatever goes wrong shows in the check below.
      try? manager.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
      access(folder, R_OK | W_OK | X_OK) == 0
    else {
      throw StoreError(
        code: "FOLDER_NOT_WRITABLE",
        sentence: "The data folder \(folder) cannot be made or written. Check its path, owner and mode.")
    }
  }
}

/// Held as long as the store is open, so that no second program opens the same folder.
final class FolderLock: Sendable {
  /// Nil once it has been released.
  private let descriptor: Mutex<Int32?>

  init(folder: String) throws {
    // The descriptor is closed by whoever fails here, since deinit would run too once every property were set.
    descriptor = Mutex(try Self.take(folder))
  }

  private static func take(_ folder: String) throws -> Int32 {
    let path = folder + "/reroot.lock"
    let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(
        code: "FOLDER_NOT_WRITABLE",
        sentence: "The data folder \(folder) cannot be written (\(String(cString: strerror(errno)))).")
    }
    // A lock of the open file goes with the process, however it ends (flock(2)).
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw StoreError(
        code: "IN_USE",
        sentence: "Another Reroot is running on the data folder \(folder). End it first, or give this one another "
          + "folder.")
    }
    return descriptor
  }

  /// Lets others take it.
  func release() {
    descriptor.withLock { held in
      if let held { close(held) }
      held = nil
    }
  }

  deinit {
    release()
  }
}

/// The file of the master key: one line of 64 hexadecimal digits after a line that says what it is.
enum MasterKeyFile {
  private static let heading = "# Reroot master key. Whoever has it can open every private key in the data folder."

  /// Reads the key, or makes it where that is allowed.
  ///
  /// - Parameter mayCreate: whether the store is new. A key that is lost is never replaced: nothing would open again.
  static func read(_ given: String?, folder: String, mayCreate: Bool) throws -> MasterKey {
    let path = given ?? folder + "/master.key"
    if !FileManager.default.fileExists(atPath: path) {
      guard mayCreate else {
        throw StoreError(
          code: "MASTER_KEY_MISSING",
          sentence: "The master key \(path) is not there. Put it back from its backup, or name its file with "
            + "--master-key-file: without it no private key in the data folder can be opened.")
      }
      try create(path)
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & 0o077 == 0 else {
      throw StoreError(
        code: "MASTER_KEY_EXPOSED",
        sentence: "The master key \(path) can be read by others, or not by this user. Give it the mode 0600 and the "
          + "owner that runs Reroot.")
    }
    guard let text = try? String(contentsOfFile: path, encoding: .utf8), let bytes = digits(text) else {
      throw StoreError(
        code: "MASTER_KEY_UNREADABLE",
        sentence: "The file \(path) holds no master key: 64 hexadecimal digits are expected. Check the path.")
    }
    return try MasterKey(bytes: SecretBytes(bytes))
  }

  private static func digits(_ text: String) -> [UInt8]? {
    guard
      let line = text.split(whereSeparator: \.isNewline).map({ $0.trimmingCharacters(in: .whitespaces) })
        .first(where: { !$0.isEmpty && !$0.hasPrefix("#") }), line.utf8.count == 64
    else { return nil }
    // By bytes, since a line of 64 bytes may be fewer characters.
    let digits = line.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }.map(UInt8.init)
    guard digits.count == 64 else { return nil }
    return stride(from: 0, to: 64, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Written to a file of another name first, so that a key is there wholly or not at all.
  private static func create(_ path: String) throws {
    let key = try MasterKey.generate().withBytes { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    let bytes = Array("\(heading)\n\(key)\n".utf8)
    // A file of a hundred bytes is written in one go, or there is no room for it.
    let isWritten =
      descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let number = errno
    if descriptor >= 0 { close(descriptor) }
    guard isWritten, rename(temporary, path) == 0 else {
      let reason = String(cString: strerror(isWritten ? errno : number))
      unlink(temporary)
      throw StoreError(
        code: "FOLDER_NOT_WRITABLE", sentence: "The master key \(path) cannot be written (\(reason)).")
    }
    let folder = Glibc.open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folder >= 0 {
      fsync(folder)
      close(folder)
    }
  }
}
