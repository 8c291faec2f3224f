import Foundation
import Glibc

/// What others than its owner may do with a data folder and with Reroot's files in it. The opening and `reroot doctor` go
/// by this one rule.
///
/// Whoever can write there can become anybody, so such a folder is not opened; what others can only read is taken from
/// them. A folder that can be looked into is no harm where the files in it cannot. The master key is looked at by itself.
enum FolderModes {
  /// Something that is more open than it should be.
  struct Finding {
    let path: String
    /// The permission bits.
    let mode: UInt32
    /// Whether others can write, and not only read.
    let isWritable: Bool

    /// What is wrong, for a person.
    var sentence: String {
      let open = isWritable ? "can be written by others" : "is open to others"
      return "\(path) \(open) (mode \(String(mode, radix: 8)))."
    }
  }

  static let files = ["reroot.sqlite", "reroot.sqlite-wal", "reroot.sqlite-shm", "reroot.lock"]

  /// Everything that is too open, the folder first.
  static func findings(_ folder: String) -> [Finding] {
    var found: [Finding] = []
    if let mode = mode(folder), mode & 0o022 != 0 { found.append(Finding(path: folder, mode: mode, isWritable: true)) }
    for path in files.map({ folder + "/" + $0 }) {
      guard let mode = mode(path), mode & 0o077 != 0 else { continue }
      found.append(Finding(path: path, mode: mode, isWritable: mode & 0o022 != 0))
    }
    return found
  }

  /// Throws `FOLDER_EXPOSED` where others can write, and takes from them what they can read.
  static func requireClosed(_ folder: String) throws {
    let found = findings(folder)
    if let finding = found.first(where: \.isWritable) {
      throw StoreError(
        code: "FOLDER_EXPOSED",
        sentence: "\(finding.sentence) Whoever can write there can become anybody here. Look whether something was "
          + "changed, then take the right away: chmod go-w \(finding.path)")
    }
    for finding in found where chmod(finding.path, 0o600) != 0 {
      throw StoreError(
        code: "FOLDER_EXPOSED",
        sentence:
          "\(finding.sentence) Its mode cannot be changed (\(String(cString: strerror(errno)))). Give it the mode "
          + "0600 and the owner that runs Reroot.")
    }
  }

  private static func mode(_ path: String) -> UInt32? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt32(status.st_mode) & 0o7777 : nil
  }
}
