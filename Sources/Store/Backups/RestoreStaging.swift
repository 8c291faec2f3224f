import Foundation
import Glibc
import PKI

/// The two folders inside of a data folder through which a restore goes; see ``Restore``.
struct RestoreStaging {
  let folder: String

  /// Where everything is unpacked and checked.
  var part: String { folder + "/restore.part" }
  /// The same once it is complete.
  var ready: String { folder + "/restore.ready" }
  var database: String { part + "/reroot.sqlite" }
  var key: String { part + "/master.key" }

  /// Where the files of the former database go while the new ones come in.
  private var before: String { ready + "/before" }
  /// Says that all of the former files are there.
  private var isAside: String { ready + "/aside" }

  private static let own = ["reroot.sqlite", "reroot.sqlite-wal", "reroot.sqlite-shm", "master.key", "master.key.next"]
  private static let incoming = ["master.key", "reroot.sqlite"]
  /// What an empty folder may hold.
  private static let ignored = ["reroot.lock", "lost+found", "restore.part"]

  // MARK: Before the moment

  /// Throws unless the folder is empty, or holds a database that may make way.
  func requireRoom(replaces: Bool) throws {
    let found = try FileManager.default.contentsOfDirectory(atPath: folder).filter { !Self.ignored.contains($0) }
    guard !found.isEmpty else { return }
    guard found.contains("reroot.sqlite") else {
      throw StoreError(
        code: "FOLDER_NOT_EMPTY",
        sentence:
          "\(folder) holds other things than a database of Reroot (\(found.sorted().prefix(3).joined(separator: ", "))"
          + "\(found.count > 3 ? ", …" : "")). Give an empty folder, or one that is not there yet.")
    }
    guard replaces else {
      throw StoreError(
        code: "FOLDER_NOT_EMPTY",
        sentence: "\(folder) holds a database of Reroot already. Give an empty folder, or --replace, which keeps the "
          + "present database aside.")
    }
  }

  func begin() throws {
    clear()
    guard mkdir(part, 0o700) == 0 else { throw DurableFiles.failure("make", part) }
  }

  /// Puts the key beside the database, or into a file of its own.
  ///
  /// - Returns: the path of a file that was made outside of ``part``; nil where none was.
  func place(_ key: MasterKey, at given: String?) throws -> String? {
    guard let given else {
      try MasterKeyFile.write(key, to: self.key)
      return nil
    }
    guard DurableFiles.exists(given) else {
      try MasterKeyFile.create(given, key)
      do {
        try giveToOwner([given])
      } catch {
        unlink(given)
        throw error
      }
      return given
    }
    guard try MasterKeyFile.read(given) == key else {
      throw StoreError(
        code: "WRONG_MASTER_KEY",
        sentence: "\(given) holds another master key than the backup. Give a path where no file is yet, to have the "
          + "backup's key written there.")
    }
    return nil
  }

  /// The moment of the restore, durable once ``finish(now:after:)`` has begun.
  func commit() throws {
    try requireWhole()
    unlink(part + "/reroot.lock")
    let paths = try FileManager.default.contentsOfDirectory(atPath: part).map { part + "/" + $0 }
    try giveToOwner(paths + [part, folder + "/reroot.lock"])
    for path in paths { try DurableFiles.syncFile(path) }
    try DurableFiles.syncFolder(part)
    try DurableFiles.rename(part, ready)
  }

  /// Throws where some of the database is still in its log, which does not come in with it.
  private func requireWhole() throws {
    let log = database + "-wal"
    guard try !DurableFiles.exists(log) || Backup.size(log) == 0 else {
      throw StoreError(
        code: "RESTORE_FAILED",
        sentence: "The restored database could not be written to its end. Look whether there is room in \(folder) and "
          + "whether its disk is sound, then restore again.")
    }
  }

  /// Files belong to whom the folder belongs: root may restore for the server's user.
  private func giveToOwner(_ paths: [String]) throws {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard stat(folder, &status) == 0 else { throw DurableFiles.failure("read", folder) }
    for path in paths where chown(path, status.st_uid, status.st_gid) != 0 {
      throw DurableFiles.failure("write", path)
    }
  }

  /// Removes what was unpacked, and the folder where it was made for this restore.
  func discard(removingFolder: Bool) {
    clear()
    guard removingFolder else { return }
    unlink(folder + "/reroot.lock")
    rmdir(folder)
  }

  /// Removes what a restore left that was cut short before its moment, or at its very end.
  func clear() {
    if DurableFiles.exists(part) { try? FileManager.default.removeItem(atPath: part) }
  }

  // MARK: After it

  /// Puts the new files in the place of the former ones. Each step may be done again after a crash: the new ones begin to
  /// come in only when the former ones are all aside, and what is left over is called `restore.part` again before any of
  /// it is removed, so that nobody takes a half of it for a restore that has just begun.
  ///
  /// - Parameter after: called after each step, so that a test can end it there.
  /// - Returns: where the former database was moved to; nil where there was none, or nothing to finish.
  @discardableResult
  func finish(now: Date, after: () throws -> Void = {}) throws -> String? {
    guard DurableFiles.exists(ready) else { return nil }
    try DurableFiles.syncFolder(folder)
    try after()
    // Without a database that waits to come in, the one in the folder is the restored one.
    if DurableFiles.exists(ready + "/reroot.sqlite"), !DurableFiles.exists(isAside) { try moveAside(after) }
    for name in Self.incoming where DurableFiles.exists(ready + "/" + name) {
      try DurableFiles.rename(ready + "/" + name, folder + "/" + name)
      try after()
    }
    try DurableFiles.syncFolder(folder)
    let former = try keepFormer(now)
    try DurableFiles.syncFolder(folder)
    try after()
    clear()
    try DurableFiles.rename(ready, part)
    try DurableFiles.syncFolder(folder)
    try after()
    clear()
    return former
  }

  private func moveAside(_ after: () throws -> Void) throws {
    guard mkdir(before, 0o700) == 0 || errno == EEXIST else { throw DurableFiles.failure("make", before) }
    try after()
    for name in Self.own where DurableFiles.exists(folder + "/" + name) {
      try DurableFiles.rename(folder + "/" + name, before + "/" + name)
      try after()
    }
    try DurableFiles.syncFolder(before)
    close(try DurableFiles.create(isAside))
    try DurableFiles.syncFolder(ready)
    try after()
  }

  private func keepFormer(_ now: Date) throws -> String? {
    guard let found = try? FileManager.default.contentsOfDirectory(atPath: before), !found.isEmpty else { return nil }
    let format = Date.ISO8601FormatStyle(dateSeparator: .omitted, timeSeparator: .omitted)
    let name = folder + "/before-restore-" + now.formatted(format)
    var free = name
    var number = 2
    while DurableFiles.exists(free) {
      free = "\(name)-\(number)"
      number += 1
    }
    try DurableFiles.rename(before, free)
    return free
  }
}
