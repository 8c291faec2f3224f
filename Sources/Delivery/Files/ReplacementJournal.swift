import Foundation
import PKI

/// What a replacement is about to do, written down before the first file changes, so that a crash can be undone.
struct ReplacementJournal: Sendable, Codable {
  /// The form of this file.
  var version = 1
  /// The files, in the order in which they are replaced.
  var entries: [Entry]

  /// One file.
  struct Entry: Sendable, Codable {
    /// The real path of its folder.
    var folder: String
    /// Its name there.
    var name: String
    /// Where its new content waits, in the same folder; nil when it is to be removed.
    var new: String?
    /// Where its old content is kept, in the same folder; nil when there was no such file.
    var old: String?
    /// SHA-256 of the new content; nil when it is to be removed.
    var newDigest: String?

    var path: String { folder == "/" ? "/" + name : folder + "/" + name }
  }

  /// The real paths of the folders, each once.
  var folders: [String] { Array(Set(entries.map(\.folder))).sorted() }

  /// Writes it under the name that says that it is unfinished. It is no journal before it is on the disk and has its own name.
  func lay(in folder: Folder, names: TransactionNames) throws -> OpenFile {
    try Self.lay(try JSONEncoder().encode(self), as: names.unfinished(names.journal), in: folder)
  }

  private static func lay(_ data: Data, as name: String, in folder: Folder) throws -> OpenFile {
    let file = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    try data.withUnsafeBytes { try file.write($0) }
    try file.beginSync()
    return file
  }

  /// Says, in another folder, where a journal is.
  struct Pointer: Sendable, Codable {
    /// The real path of the journal's folder.
    var folder: String
    /// That folder's inode number, by which one that is not mounted is told from one without a journal.
    var inode: UInt64

    init(to folder: Folder) throws {
      self.folder = folder.path
      inode = try Self.inode(of: folder)
    }

    /// Opens the folder. Throws where it is gone or another one, because then nobody knows whether there is a journal.
    func open(foundIn place: Folder) throws -> Folder {
      guard let target = try? Folder(realPath: folder), try Self.inode(of: target) == inode else {
        throw DeliveryFailure(
          code: "RECOVERY_IMPOSSIBLE",
          sentence: "A replacement was cut short in \(place.path) and in \(folder), which cannot be reached now.",
          advice:
            "Mount the file system of \(folder), then try again. If that folder was removed for good, compare the "
            + "component's files with the .reroot- files beside them and remove the .reroot- files.")
      }
      return target
    }

    private static func inode(of folder: Folder) throws -> UInt64 {
      try folder.status(".").map { UInt64($0.st_ino) } ?? 0
    }
  }

  /// Writes, in another folder, where the journal is.
  static func writePointer(to journalFolder: Folder, in folder: Folder, names: TransactionNames) throws {
    try write(try JSONEncoder().encode(Pointer(to: journalFolder)), as: names.pointer, in: folder, names: names)
  }

  /// What fails half-way leaves an unfinished file, which is a trace like every other.
  private static func write(_ data: Data, as name: String, in folder: Folder, names: TransactionNames) throws {
    let unfinished = names.unfinished(name)
    try lay(data, as: unfinished, in: folder).sync()
    try folder.rename(unfinished, to: name)
    try folder.sync()
  }

  /// Reads the journal of these names; nil when there is none.
  static func read(in folder: Folder, names: TransactionNames) throws -> ReplacementJournal? {
    guard let bytes = try trusted(names.journal, in: folder) else { return nil }
    guard let journal = try? JSONDecoder().decode(ReplacementJournal.self, from: Data(bytes)), journal.version == 1,
      journal.entries.allSatisfy({ $0.isSound(names) })
    else {
      throw notUnderstood(folder.path(of: names.journal))
    }
    return journal
  }

  /// Where the journal lies; nil when there is no pointer.
  static func readPointer(in folder: Folder, names: TransactionNames) throws -> Pointer? {
    guard let bytes = try trusted(names.pointer, in: folder) else { return nil }
    guard let pointer = try? JSONDecoder().decode(Pointer.self, from: Data(bytes)) else {
      throw notUnderstood(folder.path(of: names.pointer))
    }
    return pointer
  }

  private static func notUnderstood(_ path: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "RECOVERY_IMPOSSIBLE",
      sentence: "\(path) tells of a replacement that was cut short, but cannot be understood.",
      advice: "Compare the component's files with the .reroot- files beside them, put back what is right, "
        + "and remove the .reroot- files. Then try again.")
  }

  /// The bytes of a file that only this user can have written: whoever owns the folder could put one there that leads to
  /// any file of the machine.
  private static func trusted(_ name: String, in folder: Folder) throws -> [UInt8]? {
    guard let status = try folder.status(name) else { return nil }
    guard status.isRegular, status.st_uid == geteuid(), status.permissions & 0o077 == 0, status.st_nlink == 1 else {
      throw DeliveryFailure(
        code: "RECOVERY_NOT_TRUSTED",
        sentence: "\(folder.path(of: name)) was not written by Reroot as the user that it runs as now.",
        advice: "If Reroot ran as another user before, start it once as that user, so that it can put right what was "
          + "cut short. Otherwise find out who made the file, and remove it.")
    }
    return try FileReading.read(name, in: folder)?.content.withBytes { [UInt8]($0) }
  }
}

extension ReplacementJournal.Entry {
  /// Whether its names are ones that a replacement writes.
  fileprivate func isSound(_ names: TransactionNames) -> Bool {
    func isOwn(_ name: String?) -> Bool { name.map { TransactionNames(parsing: $0) == names } ?? true }
    return folder.hasPrefix("/") && !name.isEmpty && !name.utf8.contains(UInt8(ascii: "/")) && name != "."
      && name != ".." && isOwn(new) && isOwn(old)
  }
}
