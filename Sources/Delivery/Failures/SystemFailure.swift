import Foundation
import Rotation

extension DeliveryFailure {
  /// What the operating system refused, told from its error number.
  ///
  /// - Parameters:
  ///   - task: what was tried, to what, as the beginning of a sentence: `Writing /etc/x.pem`.
  static func system(_ number: Int32, _ task: String) -> DeliveryFailure {
    let row = SystemReason.of(number)
    return DeliveryFailure(code: row.code, sentence: "\(task) failed: \(row.reason).", advice: row.advice)
  }
}

/// What an error number means to an administrator.
struct SystemReason: Sendable {
  let code: String
  let reason: String
  let advice: String

  private init(_ code: String, _ reason: String, _ advice: String) {
    self.code = code
    self.reason = reason
    self.advice = advice
  }

  private static let retry = "Then try again."

  static func of(_ number: Int32) -> SystemReason { known[number] ?? unknown(number) }

  private static func unknown(_ number: Int32) -> SystemReason {
    SystemReason(
      "SYSTEM_ERROR", "the system says “\(String(cString: strerror(number)))” (error \(number))",
      "Look into the system's log for the cause. \(retry)")
  }

  private static let known: [Int32: SystemReason] = [
    ENOENT: SystemReason(
      "NOT_FOUND", "it does not exist",
      "Check the path in the component's settings, or create what is missing. \(retry)"),
    ENOTDIR: SystemReason(
      "NOT_A_FOLDER", "a part of the path is a file where a folder is needed",
      "Check the path in the component's settings. \(retry)"),
    EISDIR: SystemReason(
      "FOLDER_IN_THE_WAY", "it is a folder where a file is needed",
      "Move the folder away, or correct the path. \(retry)"),
    EACCES: SystemReason(
      "ACCESS_DENIED", "the user that Reroot runs as has no permission for it",
      "Give that user write and search permission for the folder, or run Reroot as root. \(retry)"),
    EPERM: SystemReason(
      "NOT_PERMITTED", "the system does not permit it, for example because of an immutable flag or another owner",
      "Remove the flag (`chattr -i`), or run Reroot as root or as the owner of the files. \(retry)"),
    EROFS: SystemReason(
      "READ_ONLY", "the file system is mounted read-only",
      "Mount it read-write, or name files on another file system. \(retry)"),
    ENOSPC: SystemReason("DISK_FULL", "there is no space left on the file system", "Free some space there. \(retry)"),
    EDQUOT: SystemReason(
      "QUOTA_EXCEEDED", "the disk quota of its owner is used up", "Raise the quota or free some space. \(retry)"),
    ELOOP: SystemReason(
      "LINK_LOOP", "its symbolic links lead in a circle", "Correct the links. \(retry)"),
    ENAMETOOLONG: SystemReason("NAME_TOO_LONG", "its name is too long", "Choose a shorter path. \(retry)"),
    EIO: SystemReason(
      "DISK_ERROR", "the disk reported an error", "Look into the kernel's log and check the disk. \(retry)"),
    EBUSY: SystemReason(
      "MOUNT_IN_THE_WAY", "it is a mount point of its own, as containers mount single files",
      "Mount the folder instead of the single file, because a mounted file cannot be replaced as a whole. \(retry)"),
    EMFILE: SystemReason(
      "TOO_MANY_OPEN_FILES", "Reroot has too many files open", "Raise the limit of open files for Reroot. \(retry)"),
    ENFILE: SystemReason(
      "TOO_MANY_OPEN_FILES", "the machine has too many files open", "Raise the limit of open files. \(retry)"),
    EFBIG: SystemReason(
      "FILE_TOO_LARGE", "the file would be larger than the limit for this process", "Raise the limit. \(retry)"),
    ESTALE: SystemReason(
      "STALE_MOUNT", "the network file system has lost it", "Mount the file system again. \(retry)"),
    EXDEV: SystemReason(
      "MOUNT_IN_THE_WAY", "it lies on another file system than its folder",
      "Mount the folder instead of the single file. \(retry)"),
  ]
}
