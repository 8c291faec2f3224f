import Foundation
import PKI

/// Makes keys on this machine for components that keep theirs.
enum KeyMaking {
  /// Makes a key, leaves it at the order's path, mode 0600, complete or not at all, and returns a signing request for it in
  /// DER. Blocking, seconds for a long RSA key.
  static func make(_ order: KeyOrder, own: Belongings = .none) throws -> [UInt8] {
    try own.requireForeign([order.path])
    let key: PrivateKey
    let request: [UInt8]
    let content: SecretBytes
    do {
      key = try PrivateKey.generate(order.algorithm)
      request = try SigningRequest.make(names: order.names, key: key)
      content = try key.pkcs8PEM()
    } catch {
      throw DeliveryFailure(error, doing: "Making a key for \(order.path)")
    }
    let place = try ResolvedPath(order.path)
    // Locked against replacements, which take a file of this name for one that a crash has left.
    let locks = try FolderLocks(paths: [place.folder])
    guard let folder = locks.folders[place.folder] else { throw Folder.failure(ENOENT, opening: place.folder) }
    try own.requireForeign([place])
    if let found = try folder.status(place.name) { try FileReading.requireRegular(found, order.path) }
    let name = TransactionNames.fresh().new(0)
    let staged = StagedFile(folder: folder, name: name, path: order.path, owner: nil, group: nil, mode: 0o600)
    do {
      try staged.write(content)
      try folder.rename(name, to: place.name)
      try folder.sync()
    } catch {
      try? folder.remove(name)
      throw error
    }
    return request
  }
}
