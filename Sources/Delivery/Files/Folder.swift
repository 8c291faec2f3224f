import CSpawn
import Foundation

/// A folder held open, in which files are named without their path, so that nobody can put another folder in its place
/// between two steps.
final class Folder: Sendable {
  /// Its path without symbolic links.
  let path: String
  let descriptor: Int32

  /// Opens an existing folder by its real path.
  init(realPath path: String) throws {
    let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let number = errno
      throw Self.failure(number, opening: path)
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  static func failure(_ number: Int32, opening path: String) -> DeliveryFailure {
    guard number == ENOENT else { return .system(number, "Opening the folder \(path)") }
    return DeliveryFailure(
      code: "FOLDER_MISSING", sentence: "The folder \(path) does not exist.",
      advice: "Create it, with the owner that the component needs, or correct the path in the component's settings.")
  }

  /// The whole path of a file in this folder.
  func path(of name: String) -> String { path == "/" ? "/" + name : path + "/" + name }

  /// What stands under a name, links not followed; nil when nothing does.
  func status(_ name: String) throws -> stat? {
    var status = stat()
    guard fstatat(descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      if errno == ENOENT { return nil }
      throw DeliveryFailure.system(errno, "Looking at \(path(of: name))")
    }
    return status
  }

  /// Opens a file that is not a link. Flags such as `O_RDONLY`; the mode counts when it is made.
  func open(_ name: String, _ flags: Int32, mode: mode_t = 0) throws -> OpenFile {
    let file = openat(descriptor, name, flags | O_NOFOLLOW | O_CLOEXEC, mode)
    guard file >= 0 else { throw DeliveryFailure.system(errno, "Opening \(path(of: name))") }
    return OpenFile(takingOwnership: file, path: path(of: name))
  }

  func rename(_ old: String, to new: String) throws {
    guard renameat(descriptor, old, descriptor, new) == 0 else {
      throw DeliveryFailure.system(errno, "Replacing \(path(of: new))")
    }
  }

  /// A second name for a file; false where the file system or its rules do not allow one.
  func link(_ old: String, to new: String) throws -> Bool {
    if linkat(descriptor, old, descriptor, new, 0) == 0 { return true }
    switch errno {
    case EPERM, EACCES, EOPNOTSUPP, ENOSYS, EMLINK, EXDEV, EINVAL: return false
    default: throw DeliveryFailure.system(errno, "Keeping the content of \(path(of: old))")
    }
  }

  /// Removes a name; it is no error when there is nothing under it.
  func remove(_ name: String) throws {
    guard unlinkat(descriptor, name, 0) == 0 || errno == ENOENT else {
      throw DeliveryFailure.system(errno, "Removing \(path(of: name))")
    }
  }

  /// Makes what was renamed, linked and removed here last through a power cut.
  func sync() throws {
    // Some network file systems cannot fsync a folder and answer EINVAL; they order such changes themselves.
    guard fsync(descriptor) == 0 || errno == EINVAL else {
      throw DeliveryFailure.system(errno, "Writing the folder \(path) to the disk")
    }
  }

  /// The names in this folder, but for `.` and `..`.
  func names() throws -> [String] {
    // A descriptor of its own, because closedir closes the one it was given and reading moves its position.
    let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let stream = fdopendir(copy) else {
      let number = errno
      if copy >= 0 { close(copy) }
      throw DeliveryFailure.system(number, "Listing the folder \(path)")
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      // The end and an error look alike but for errno, which only an error sets (readdir(3)).
      errno = 0
      guard let entry = readdir(stream) else {
        guard errno == 0 else { throw DeliveryFailure.system(errno, "Listing the folder \(path)") }
        break
      }
      let name = Self.name(of: entry)
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Read where it stands: a record is only as long as its name, so the whole field must not be copied.
  private static func name(of entry: UnsafeMutablePointer<dirent>) -> String {
    let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
    return String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
  }
}

/// An open file, closed when the last reference goes away.
final class OpenFile: Sendable {
  let descriptor: Int32
  let path: String

  init(takingOwnership descriptor: Int32, path: String) {
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  func status() throws -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw DeliveryFailure.system(errno, "Looking at \(path)") }
    return status
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var offset = 0
    while offset < bytes.count, let start = bytes.baseAddress {
      let count = Glibc.write(descriptor, start + offset, bytes.count - offset)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw DeliveryFailure.system(count < 0 ? errno : ENOSPC, "Writing beside \(path)") }
      offset += count
    }
  }

  func sync() throws {
    guard fsync(descriptor) == 0 else { throw DeliveryFailure.system(errno, "Writing \(path) to the disk") }
  }

  /// Lets its content go to the disk already. It is there after ``sync()`` only, which need not tell again what is told here.
  func beginSync() throws {
    guard reroot_begin_write(descriptor) != 0 else { return }
    switch errno {
    // Not everywhere there is something to begin.
    case EINVAL, ENOSYS, EOPNOTSUPP, ESPIPE, EPERM: return
    default: throw DeliveryFailure.system(errno, "Writing \(path) to the disk")
    }
  }
}

extension stat {
  var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
  var isLink: Bool { st_mode & S_IFMT == S_IFLNK }
  var permissions: UInt32 { UInt32(st_mode) & 0o7777 }
}
