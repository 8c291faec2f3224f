import Foundation
import PKI

/// The folder of a store.
enum StoreFolder {
  /// Makes the folder, for its owner only, and checks that it can be written.
  static func prepare(_ folder: String) throws {
    let manager = FileManager.default
    if !manager.fileExists(atPath: folder) {
      // Whatever goes wrong shows in the check below.
      try? manager.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }
    var isFolder: ObjCBool = false
    guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue,
      access(folder, R_OK | W_OK | X_OK) == 0
    else {
      throw StoreError(
        code: "FOLDER_NOT_WRITABLE",
        sentence: "The data folder \(folder) cannot be made or written. Check its path, owner and mode.")
    }
  }
}
