import Foundation
import Glibc

/// The folder beside a backup in which it is made: hidden, for its owner only, removed at the end. One that a kill has
/// left is cleared by the next backup to the same file.
struct BackupWorkplace {
  private let folder: String
  private let lock: Int32

  var database: String { folder + "/database" }
  var sealed: String { folder + "/sealed" }

  init(file: String) throws {
    let path = URL(fileURLWithPath: file)
    let folder = path.deletingLastPathComponent().path + "/." + path.lastPathComponent + ".reroot-part"
    self.folder = folder
    let isForeign = StoreError(
      code: "FILE_FAILED",
      sentence: "\(folder) stands where the backup is to be made, and no backup has made it: it is a link, a file, or "
        + "another user's folder. Look at it and remove it, or give another file.")
    guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw DurableFiles.failure("make", folder) }
    lock = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    guard lock >= 0 else { throw errno == ELOOP || errno == ENOTDIR ? isForeign : DurableFiles.failure("read", folder) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw StoreError(code: "BACKUP_RUNS", sentence: "Another backup to \(file) is being made. Wait until it is done.")
    }
    var status = stat()
    guard fstat(lock, &status) == 0, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
      close(lock)
      throw isForeign
    }
    clear()
  }

  /// Gives what was sealed its name, on disk.
  func finish(_ file: String, overwrites: Bool) throws {
    if overwrites {
      try DurableFiles.rename(sealed, file)
    } else {
      guard try DurableFiles.renameWithoutReplacing(sealed, file) else { throw Backup.isTaken(file) }
    }
    try DurableFiles.syncFolder(of: file)
  }

  func remove() {
    clear()
    rmdir(folder)
    close(lock)
  }

  private func clear() {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] { unlink(folder + "/" + name) }
  }
}
