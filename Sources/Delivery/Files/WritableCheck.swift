import Foundation

/// Tries whether a file could be replaced, without touching it.
enum WritableCheck {
  /// FS_IOC_GETFLAGS, which the headers define by a macro that Swift does not see (ioctl_iflags(2)).
  private static let getFlags: UInt = 0x8008_6601
  /// FS_IMMUTABLE_FL and FS_APPEND_FL.
  private static let protective: Int = 0x10 | 0x20

  /// Throws unless a file can be made in the folder, filled and removed, and what stands under the name can be replaced.
  static func check(_ path: String) throws {
    let place = try ResolvedPath(path)
    let folder = try Folder(realPath: place.folder)
    if let status = try folder.status(place.name) {
      try FileReading.requireRegular(status, place.given)
      try checkReplaceable(status, place, folder)
    }
    let probe = TransactionNames.fresh().probe
    let file: OpenFile
    do {
      file = try folder.open(probe, O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    } catch let failure as DeliveryFailure {
      throw DeliveryFailure(
        code: failure.code,
        sentence: failure.failure.sentence.replacingOccurrences(
          of: "Opening \(folder.path(of: probe))", with: "Making a file in the folder \(folder.path)"),
        advice: failure.failure.advice)
    }
    defer { try? folder.remove(probe) }
    // As much as a chain, a key and a bundle take; fsync, because some file systems find out only then.
    let bytes = [UInt8](repeating: 0x0A, count: 64 << 10)
    do {
      try bytes.withUnsafeBytes { try file.write($0) }
      try file.sync()
    } catch let failure as DeliveryFailure {
      throw DeliveryFailure(
        code: failure.code,
        sentence: failure.failure.sentence.replacingOccurrences(of: "beside \(file.path)", with: "in \(folder.path)"),
        advice: failure.failure.advice)
    }
  }

  private static func checkReplaceable(_ status: stat, _ place: ResolvedPath, _ folder: Folder) throws {
    // In a folder like /tmp only the owner of a file, or of the folder, may replace it (rename(2), EPERM).
    let own = try folder.status(".")
    if let own, own.permissions & UInt32(S_ISVTX) != 0, geteuid() != 0, status.st_uid != geteuid(),
      own.st_uid != geteuid()
    {
      throw DeliveryFailure.system(EPERM, "Replacing \(place.given)")
    }
    if let own, own.st_dev != status.st_dev { throw DeliveryFailure.system(EBUSY, "Replacing \(place.given)") }
    // Unreadable for this user, and so out of reach of the ioctl: then the replacement itself will tell.
    guard let file = try? folder.open(place.name, O_RDONLY | O_NONBLOCK) else { return }
    var flags = 0
    guard ioctl(file.descriptor, getFlags, &flags) == 0, flags & protective != 0 else { return }
    throw DeliveryFailure(
      code: "NOT_PERMITTED", sentence: "\(place.given) is marked immutable, or as one that can only be appended to.",
      advice: "Remove the mark with `chattr -i -a \(place.path)`, then try again.")
  }
}
