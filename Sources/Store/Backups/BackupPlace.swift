import Foundation
import Glibc
import PKI

extension Backup {
  /// Whether a backup may be written where an order says. Nothing is changed.
  ///
  /// - Throws: `FILE_EXISTS` where it would replace something that it may not, `OWN_FILE` where it would be, or replace, a
  ///   part of the data folder or the master key, `NO_FILE` for standard output.
  public static func requirePlace(_ order: Order) throws {
    guard order.file != "-" else {
      throw StoreError(
        code: "NO_FILE",
        sentence:
          "A backup is read again before it counts, so it cannot go to standard output. Give the name of a file; "
          + "one that is called “-” is ./-.")
    }
    let places = StorePlaces(folder: order.folder, masterKey: order.masterKey)
    // Where there is no such folder, that shows when it is written.
    if let claim = places.claim(on: StorePlaces.realPath(order.file) ?? order.file) {
      throw StoreError(
        code: "OWN_FILE",
        sentence: "\(order.file) belongs to \(claim), where a backup would destroy what it is to save, or be lost with "
          + "it. Give a file elsewhere, best on another disk.")
    }
    guard DurableFiles.exists(order.file) else { return }
    guard order.overwrites else { throw isTaken(order.file) }
    guard isBackup(order.file) else {
      throw StoreError(
        code: "FILE_EXISTS",
        sentence:
          "\(order.file) is no backup, and --force replaces backups only. Give another name, or move away what is "
          + "there.")
    }
  }

  static func isTaken(_ file: String) -> StoreError {
    StoreError(
      code: "FILE_EXISTS",
      sentence: "\(file) is there already, and a backup replaces nothing by itself. Give another name, or --force.")
  }

  /// Whether it is a file, and no link to one, that begins as backups do.
  private static func isBackup(_ file: String) -> Bool {
    let descriptor = Glibc.open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return false }
    return (try? DurableFiles.read(SealedFile.mark.count, from: descriptor, file)) == SealedFile.mark
  }
}
