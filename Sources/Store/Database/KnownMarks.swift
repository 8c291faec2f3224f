import Foundation
import Glibc
import Synchronization

/// What lies below a folder, looked up again only when it may have changed: every file that is replaced at a component
/// asks for it.
final class KnownMarks: Sendable {
  private struct Known {
    let marks: Set<FileMark>
    let folders: [FolderAge]
  }

  private let folder: String
  private let known = Mutex<Known?>(nil)

  /// - Parameter folder: its path may lead there by symbolic links.
  init(_ folder: String) {
    // Below a link nothing would be enumerated.
    self.folder = StorePlaces.resolved(folder) ?? folder
  }

  /// The folder, and every folder and file below it; of a symbolic link in it the file that it leads to. Blocking.
  var all: Set<FileMark> {
    if let known = known.withLock(\.self), known.folders.allSatisfy(\.isSame) { return known.marks }
    let (found, folders) = look()
    known.withLock { known in
      // A file that comes or goes leaves its time at its folder (inode(7)); what is behind a link may change without.
      known = folders.map { Known(marks: found, folders: $0) }
    }
    return found
  }

  /// The folders only where nothing but them has to be asked whether something has changed.
  private func look() -> (Set<FileMark>, [FolderAge]?) {
    var found: Set<FileMark> = []
    // Before what is in them, so that a change while it is read is seen the next time.
    var folders = FolderAge(folder).map { [$0] }
    if let mark = FileMark(folder) { found.insert(mark) }
    let names = FileManager.default.enumerator(atPath: folder)
    while let name = names?.nextObject() as? String {
      let path = folder + "/" + name
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      found.insert(FileMark(status))
      switch status.st_mode & S_IFMT {
      case S_IFDIR: folders = FolderAge(path).flatMap { age in folders.map { $0 + [age] } }
      case S_IFLNK:
        if let mark = FileMark.ofFile(path) { found.insert(mark) }
        folders = nil
      default: break
      }
    }
    return (found, folders)
  }
}

/// When something last came into a folder, or went.
private struct FolderAge: Sendable {
  private let path: String
  private let mark: FileMark
  private let seconds: Int
  private let nanoseconds: Int

  /// Nil where there is none, or where it has changed so lately that a further change could leave the same time: clocks
  /// of file systems tick every few milliseconds.
  init?(_ path: String) {
    var now = timespec()
    guard let age = FolderAge(reading: path), clock_gettime(CLOCK_REALTIME, &now) == 0,
      now.tv_sec - age.seconds > Self.settled
    else { return nil }
    self = age
  }

  private init?(reading path: String) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return nil }
    self.path = path
    mark = FileMark(status)
    (seconds, nanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
  }

  var isSame: Bool {
    guard let now = FolderAge(reading: path) else { return false }
    return now.mark == mark && now.seconds == seconds && now.nanoseconds == nanoseconds
  }

  /// In seconds.
  private static let settled = 2
}
