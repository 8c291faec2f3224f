import PKI
import Rotation

/// Reads what the files of a component hold, whatever their format: PEM, or PKCS#12 stores.
struct FileContents: Sendable {
  /// Of the stores; nil for a component without stores.
  let password: SecretBytes?

  /// The certificates of the component's own, leaf first, at least one; none for a key store without a key.
  func chain(_ content: SecretBytes, _ role: FileLayout.Role, path: String) async throws -> [Certificate] {
    guard role.isStore else {
      try PEMFile.requirePEM(content, path: path)
      return try PEMFile.chain(content, path: path)
    }
    return try await store(content, path: path).key?.identity.chain ?? []
  }

  /// The private key; nil for a key store without one.
  func key(_ content: SecretBytes, _ role: FileLayout.Role, path: String) async throws -> PrivateKey? {
    guard role.isStore else {
      try PEMFile.requirePEM(content, path: path)
      return try PEMFile.key(content, path: path)
    }
    return try await store(content, path: path).key?.identity.key
  }

  /// The roots that are accepted.
  func bundle(_ content: SecretBytes, _ role: FileLayout.Role, path: String) async throws -> [Certificate] {
    guard role.isStore else { return try PEMFile.bundle(content, path: path) }
    return try await store(content, path: path).trusted.map(\.certificate)
  }

  /// Throws where a store holds what a new one would not, or cannot be read at all.
  func requireReplaceable(_ content: SecretBytes, _ role: FileLayout.Role, path: String) async throws {
    guard role.isStore else { return }
    try StoreFile.requireOnly(try await store(content, path: path), role, path: path)
  }

  private func store(_ content: SecretBytes, path: String) async throws -> PFXStore {
    guard let password else {
      throw DeliveryFailure(
        code: "STORE_PASSWORD_MISSING", sentence: "There is no password for the store \(path).",
        advice: "Name its password file in the component's settings.")
    }
    return try await WorkThreads.files.run { try StoreFile.read(content, path: path, password: password) }
  }
}

extension ComponentDelivery {
  /// What reads the component's files; the password of its stores is read at the target for that.
  func contents() async throws -> FileContents {
    guard let path = component.files.storePasswordFile else { return FileContents(password: nil) }
    return FileContents(password: try await StorePassword.read(path, over: access))
  }

  /// The roots in a file that was kept of this component; none where it was no file of roots, or there was none.
  public func bundle(in kept: SnapshotFile) async throws -> [Certificate] {
    guard kept.file.role.isTrust, let content = kept.content else { return [] }
    return try await contents().bundle(content, kept.file.role, path: kept.file.path)
  }
}
