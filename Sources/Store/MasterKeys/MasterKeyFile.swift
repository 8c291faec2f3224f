import Foundation
import PKI

/// The file of the master key: one line of 64 hexadecimal digits after a line that says what it is.
public enum MasterKeyFile {
  private static let heading = "# Reroot master key. Whoever has it can open every private key in the data folder."
  private static let longest = 4096

  static func usualPath(_ folder: String) -> String { folder + "/master.key" }

  /// Where a rotation keeps the new key until everything is sealed with it.
  static func next(_ path: String) -> String { path + ".next" }

  /// Makes a key and its file, with the mode 0600.
  ///
  /// Throws `MASTER_KEY_EXISTS` where there is a file of the name already: a key is never overwritten.
  public static func make(_ path: String) throws {
    try create(path, try MasterKey.generate())
  }

  /// Reads the key, or makes it where that is allowed.
  ///
  /// - Parameter mayCreate: whether the store is new. A key that is lost is never replaced: nothing would open again.
  static func find(_ given: String?, folder: String, mayCreate: Bool) throws -> FoundMasterKey {
    let path = given ?? usualPath(folder)
    let manager = FileManager.default
    if manager.fileExists(atPath: path) {
      let next = manager.fileExists(atPath: next(path)) ? try? read(next(path)) : nil
      return FoundMasterKey(key: try read(path), next: next, path: path)
    }
    if mayCreate {
      let key = try MasterKey.generate()
      try create(path, key)
      return FoundMasterKey(key: key, path: path)
    }
    guard let next = try? read(next(path)) else {
      throw StoreError(
        code: "MASTER_KEY_MISSING",
        sentence: "The master key \(path) is not there. Put it back from its backup, or name its file with "
          + "--master-key-file: without it no private key in the data folder can be opened.")
    }
    return FoundMasterKey(next: next, path: path)
  }

  /// - Parameter othersMayNot: the bits of the mode that must not be set. systemd shows the access that it gives to the
  ///   service's user by an access control list as the group's.
  static func read(_ path: String, othersMayNot: mode_t = 0o077) throws -> MasterKey {
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & othersMayNot == 0, access(path, R_OK) == 0 else {
      throw StoreError(
        code: "MASTER_KEY_EXPOSED",
        sentence: "The master key \(path) can be read by others, or not by this user. Give it the mode 0600 and the "
          + "owner that runs Reroot.")
    }
    guard let text = contents(path), let key = try text.withBytes(digits) else {
      throw StoreError(
        code: "MASTER_KEY_UNREADABLE",
        sentence: "The file \(path) holds no master key: 64 hexadecimal digits are expected. Check the path.")
    }
    return key
  }

  private static func contents(_ path: String) -> SecretBytes? {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var count = 0
    let bytes = SecretBytes(count: longest) { count = Glibc.read(descriptor, $0.baseAddress, $0.count) }
    guard count > 0, count < longest else { return nil }
    return bytes.withBytes { SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  /// The key of the first line that is neither empty nor a comment; nil unless that has 64 hexadecimal digits.
  private static func digits(_ text: UnsafeRawBufferPointer) throws -> MasterKey? {
    let blanks = Array(" \t\r".utf8)
    let lines = text.split(separator: 0x0A).lazy.map { line in
      line.drop { blanks.contains($0) }.prefix { !blanks.contains($0) }
    }
    guard let line = lines.first(where: { !$0.isEmpty && $0.first != UInt8(ascii: "#") }), line.count == 64 else {
      return nil
    }
    var isKey = true
    let bytes = SecretBytes(count: MasterKey.count) { key in
      for (index, byte) in line.enumerated() {
        guard let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
          isKey = false
          return
        }
        key[index / 2] = key[index / 2] << 4 | UInt8(digit)
      }
    }
    return isKey ? try MasterKey(bytes: bytes) : nil
  }

  /// Written to a file of another name first, so that a key is there wholly or not at all.
  static func create(_ path: String, _ key: MasterKey) throws {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw StoreError(
        code: "MASTER_KEY_EXISTS",
        sentence: "There is a file \(path) already, and a master key is never overwritten. Give another path, or move "
          + "the file away.")
    }
    try write(key, to: path + ".new")
    try move(path + ".new", to: path)
  }

  /// Writes a key durably to a file that is made anew, with the mode 0600.
  static func write(_ key: MasterKey, to path: String) throws {
    let text = key.withBytes { bytes in
      SecretBytes(count: heading.utf8.count + 2 * bytes.count + 2) { text in
        let digits = Array("0123456789abcdef".utf8)
        text.copyBytes(from: heading.utf8)
        text[heading.utf8.count] = 0x0A
        for (index, byte) in bytes.enumerated() {
          text[heading.utf8.count + 1 + 2 * index] = digits[Int(byte >> 4)]
          text[heading.utf8.count + 2 + 2 * index] = digits[Int(byte & 15)]
        }
        text[text.count - 1] = 0x0A
      }
    }
    unlink(path)
    do {
      let descriptor = try DurableFiles.create(path)
      defer { close(descriptor) }
      try text.withBytes { try DurableFiles.write($0, to: descriptor, path) }
      try DurableFiles.sync(descriptor, path)
      try DurableFiles.syncFolder(of: path)
    } catch {
      unlink(path)
      throw error
    }
  }

  /// Gives a key its place, durably.
  static func move(_ from: String, to path: String) throws {
    try DurableFiles.rename(from, path)
    try DurableFiles.syncFolder(of: path)
  }
}
