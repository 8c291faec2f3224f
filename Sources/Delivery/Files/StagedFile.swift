import Foundation
import PKI
import Rotation

/// A new file that nobody else can read before it has its final owner and mode.
struct StagedFile {
  let folder: Folder
  let name: String
  /// The file that it will become, for messages.
  let path: String
  /// Nil leaves the one that the system gives to new files.
  let owner: uid_t?
  let group: gid_t?
  let mode: FileMode

  /// Writes the file and waits until it is on the disk.
  func write(_ content: SecretBytes) throws { try laid(content) {}.flush() }

  /// Writes the file: made with mode 0600, then the content, then the owner, then the mode. It is on its way to the disk then,
  /// so that several are under way at once.
  func laid(_ content: SecretBytes, made: () throws -> Void) throws -> Laid {
    let file = try make()
    try made()
    do {
      try content.withBytes { try file.write($0) }
    } catch let failure as DeliveryFailure {
      throw DeliveryFailure(
        code: failure.code, sentence: failure.failure.sentence.replacingOccurrences(of: file.path, with: path),
        advice: failure.failure.advice)
    }
    try setOwner(of: file)
    // After the owner, because chown(2) clears the set-user-ID and set-group-ID bits.
    guard fchmod(file.descriptor, mode_t(mode.bits)) == 0 else {
      throw DeliveryFailure.system(errno, "Setting the mode \(mode) of \(path)")
    }
    try file.beginSync()
    return Laid(staged: self, file: file)
  }

  /// A file that has been written, and may not be on the disk yet.
  struct Laid {
    fileprivate let staged: StagedFile
    fileprivate let file: OpenFile

    /// Waits until it is on the disk.
    func flush() throws {
      try file.sync()
      try staged.check(try file.status())
    }
  }

  private func make() throws -> OpenFile {
    do {
      let file = try folder.open(name, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      // Whatever the umask took away.
      guard fchmod(file.descriptor, 0o600) == 0 else {
        throw DeliveryFailure.system(errno, "Making a file for \(path)")
      }
      return file
    } catch let failure as DeliveryFailure {
      throw DeliveryFailure(
        code: failure.code,
        sentence: failure.failure.sentence.replacingOccurrences(
          of: "Opening \(folder.path(of: name))", with: "Making the new file beside \(path)"),
        advice: failure.failure.advice)
    }
  }

  private func setOwner(of file: OpenFile) throws {
    let found = try file.status()
    let changesOwner = owner.map { $0 != found.st_uid } ?? false
    let changesGroup = group.map { $0 != found.st_gid } ?? false
    guard changesOwner || changesGroup else { return }
    // The largest number leaves the owner, or the group, as it is (chown(2)).
    guard fchown(file.descriptor, owner ?? .max, group ?? .max) != 0 else { return }
    guard errno == EPERM else { throw DeliveryFailure.system(errno, "Setting the owner of \(path)") }
    let receiver = changesOwner ? Ownership.userName(owner ?? 0) : "the group \(group ?? 0)"
    let failure = Ownership.notAllowed(receiver)
    throw DeliveryFailure(
      code: failure.code, sentence: "Setting the owner of \(path) failed: \(failure.failure.sentence)",
      advice: failure.failure.advice)
  }

  /// Some file systems accept what they then do not keep.
  fileprivate func check(_ status: stat) throws {
    guard owner ?? status.st_uid == status.st_uid, group ?? status.st_gid == status.st_gid,
      status.permissions == mode.bits
    else {
      throw DeliveryFailure(
        code: "MODE_NOT_KEPT",
        sentence: "The file system of \(path) does not keep owner and mode: it made a file of "
          + "\(Ownership.userName(status.st_uid)) with mode \(FileMode(bits: status.permissions)).",
        advice: "Use a file system that knows owners and modes, or let Reroot run as a member of the group.")
    }
  }
}
