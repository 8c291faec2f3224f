import Foundation
import Synchronization

/// Held as long as the store is open, so that no second program opens the same folder.
///
/// Two locks: of the file `reroot.lock`, which says who has the folder, and of the folder itself, which is still held when
/// somebody removes or replaces that file.
final class FolderLock: Sendable {
  /// Of the file and of the folder; none once they have been released.
  private let descriptors: Mutex<[Int32]>

  init(folder: String) throws {
    // The descriptors are closed by whoever fails here, since deinit would run too once every property were set.
    let place = try Self.takeFolder(folder)
    do {
      descriptors = Mutex([try Self.takeFile(folder), place])
    } catch {
      close(place)
      throw error
    }
  }

  private static func takeFolder(_ folder: String) throws -> Int32 {
    let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw isNotWritable(folder) }
    // Some network file systems lock no folders (EBADF, ENOLCK, EOPNOTSUPP); there the file has to do.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      close(descriptor)
      throw isInUse(folder)
    }
    return descriptor
  }

  private static func takeFile(_ folder: String) throws -> Int32 {
    let path = folder + "/reroot.lock"
    // The file may be replaced between its opening and the lock: then what was locked is nobody's.
    for _ in 0..<10 {
      let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
      guard descriptor >= 0 else { throw isNotWritable(folder) }
      // A lock of the open file goes with the process, however it ends (flock(2)).
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        close(descriptor)
        throw isInUse(folder)
      }
      if isNamed(path, descriptor) { return descriptor }
      close(descriptor)
    }
    throw isInUse(folder)
  }

  private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
    var (held, named) = (stat(), stat())
    return fstat(descriptor, &held) == 0 && lstat(path, &named) == 0 && held.st_ino == named.st_ino
      && held.st_dev == named.st_dev
  }

  private static func isNotWritable(_ folder: String) -> StoreError {
    StoreError(
      code: "FOLDER_NOT_WRITABLE",
      sentence: "The data folder \(folder) cannot be written (\(String(cString: strerror(errno)))).")
  }

  private static func isInUse(_ folder: String) -> StoreError {
    StoreError(
      code: "IN_USE",
      sentence: "Another Reroot is running on the data folder \(folder). End it first, or give this one another "
        + "folder.")
  }

  /// Lets others take it.
  func release() {
    descriptors.withLock { held in
      for descriptor in held { close(descriptor) }
      held = []
    }
  }

  deinit {
    release()
  }
}
