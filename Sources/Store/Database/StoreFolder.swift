import Foundation
import Glibc
import PKI

/// The folder of a store.
enum StoreFolder {
  /// Makes the folder, for its owner only, and checks that it can be written.
  static func prepare(_ folder: String) throws {
    let manager = FileManager.default
    if !manager.fileExists(atPath: folder) {
      // Whatever goes wrong shows in the check below. The folder itself is never open to others: `createDirectory` makes
      // it first and gives it its mode then, and a start that ends between the two would leave it as it was made.
      let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
      try? manager.createDirectory(
        atPath: parent, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      _ = mkdir(folder, 0o700)
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
