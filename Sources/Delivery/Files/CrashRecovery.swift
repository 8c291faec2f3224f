import Foundation
import PKI

/// Undoes replacements that a crash cut short, and removes what they left beside the files.
struct CrashRecovery {
  private let locks: FolderLocks

  /// For folders that are locked together with those of the replacements that were cut short in them.
  init(locks: FolderLocks) {
    self.locks = locks
  }

  /// Puts right the folders of these files; folders that do not exist are passed over. Blocking.
  ///
  /// - Throws: `OWN_FILE` where one of them is Reroot's own; nothing has been done then.
  static func recover(paths: [String], own: Belongings = .none) throws -> [Recovery] {
    let folders = Set(try FileReading.found(paths, own: own).compactMap { $0?.folder })
    guard try folders.contains(where: hasTraces) else { return [] }
    return try CrashRecovery(locks: FolderLocks(paths: folders)).perform()
  }

  /// Whether anything is to be done; looked at first without a lock, so that a mere look at a component waits for nobody.
  private static func hasTraces(_ path: String) throws -> Bool {
    try Folder(realPath: path).names().contains { TransactionNames(parsing: $0) != nil }
  }

  /// Undoes what has a journal, removes the traces of what has none.
  func perform() throws -> [Recovery] {
    let folders = locks.folders.values.sorted { $0.path < $1.path }
    return try locks.traces.sorted { $0.id < $1.id }.compactMap { names in
      var recovery: Recovery?
      for folder in folders {
        guard let journal = try ReplacementJournal.read(in: folder, names: names) else { continue }
        recovery = try Self.undo(journal, folders: locks.folders)
        try folder.remove(names.journal)
        try folder.sync()
      }
      try Traces.remove(names, from: folders)
      return recovery
    }
  }

  /// Puts the old contents back, from the last to the first, and onto the disk. It may be done again after a crash.
  static func undo(_ journal: ReplacementJournal, folders: [String: Folder]) throws -> Recovery {
    var left: [String] = []
    for entry in journal.entries.reversed() {
      guard let folder = folders[entry.folder] else { throw Folder.failure(ENOENT, opening: entry.folder) }
      if try !undo(entry, in: folder) { left.append(entry.path) }
    }
    for path in journal.folders { try folders[path]?.sync() }
    let paths = journal.entries.map(\.path).joined(separator: ", ")
    return Recovery(
      sentence: "The replacement of \(paths) was cut short; what it had changed was put back.", leftAsFound: left)
  }

  /// Whether the file is as it was before; false when somebody else has changed it since, and it was left alone.
  private static func undo(_ entry: ReplacementJournal.Entry, in folder: Folder) throws -> Bool {
    let now = try folder.status(entry.name)
    guard let old = entry.old else {
      guard now != nil else { return true }
      guard try isNew(entry, now, in: folder) else { return false }
      try folder.remove(entry.name)
      return true
    }
    // Without its old content under the second name the file has been put back already, or was never touched.
    guard let kept = try folder.status(old) else { return true }
    if let now, now.st_ino == kept.st_ino, now.st_dev == kept.st_dev { return true }
    if try isNew(entry, now, in: folder) {
      try folder.rename(old, to: entry.name)
      return true
    }
    // Where no second name could be given, the old content was copied, and the file itself may be untouched.
    guard now != nil, let content = try digest(entry.name, in: folder) else { return false }
    return try content == digest(old, in: folder)
  }

  /// Whether the replacement has been here: its content stands under the name, or nothing where it was to be removed.
  private static func isNew(_ entry: ReplacementJournal.Entry, _ now: stat?, in folder: Folder) throws -> Bool {
    guard now != nil else { return entry.newDigest == nil }
    guard let content = try digest(entry.name, in: folder) else { return false }
    return content == entry.newDigest
  }

  /// SHA-256 of a file; nil for what no replacement can have written: a link, a folder, a file that is too large.
  private static func digest(_ name: String, in folder: Folder) throws -> String? {
    guard let status = try folder.status(name), status.isRegular, status.st_size <= TargetFile.maximumBytes else {
      return nil
    }
    return try FileReading.read(name, in: folder)?.content.sha256Hex
  }
}

/// What a replacement leaves beside the files until it is done.
enum Traces {
  /// Removes all traces of one replacement but its journal, the pointers last, from the disk too: a former key among them
  /// must not come back after a power cut.
  static func remove(_ names: TransactionNames, from folders: [Folder]) throws {
    for folder in folders {
      let own = try folder.names().filter { TransactionNames(parsing: $0) == names && $0 != names.journal }
      guard !own.isEmpty else { continue }
      for name in own where name != names.pointer { try folder.remove(name) }
      try folder.remove(names.pointer)
      try folder.sync()
    }
  }
}
