/// The keys of one sealed file.
public struct SealedFileKeys: Sendable {
  let keys: PassphraseKeys
}

/// Writes a file that is encrypted and authenticated as a whole under a passphrase; see `SealedFile` for its form.
///
/// A file whose ``finish()`` was not called lacks its last chunk, and nobody takes it for a whole one.
public final class SealedFileWriter {
  private let write: (UnsafeRawBufferPointer) throws -> Void
  private let cipher: ChunkCipher
  private var chunk: [UInt8] = []
  private var number: UInt64 = 0
  private let keys: PassphraseKeys

  /// The keys of this very file, to read it again without deriving them once more.
  public var sealedWith: SealedFileKeys { SealedFileKeys(keys: keys) }

  /// Derives the keys (blocking, about half a second) and writes the head.
  ///
  /// - Parameter write: puts bytes at the end of the file.
  /// - Throws: `PASSPHRASE_UNSUITABLE` as ``Passphrase/check(_:)`` says; what `write` throws.
  public convenience init(
    passphrase: SecretBytes, write: @escaping (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try self.init(passphrase: passphrase, parameters: .passphrase, write: write)
  }

  init(
    passphrase: SecretBytes, parameters: ScryptParameters, write: @escaping (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try Passphrase.check(passphrase)
    let salt = try SecureRandom.bytes(SealedFile.saltCount)
    keys = try PassphraseKeys(passphrase, salt: salt, parameters: parameters)
    cipher = try ChunkCipher(keys.content)
    self.write = write
    let head = SealedFile.head(parameters, salt: salt)
    try head.withUnsafeBytes(write)
    try keys.tag(of: head).withBytes(write)
    chunk.reserveCapacity(SealedFile.chunkCount)
  }

  /// Takes more content.
  public func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      // A full chunk is written only when something follows it: the last one is marked as such.
      if chunk.count == SealedFile.chunkCount { try flush(isLast: false) }
      let part = rest.prefix(SealedFile.chunkCount - chunk.count)
      chunk.append(contentsOf: part)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Takes more content.
  public func append(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes(append) }

  /// Writes the last chunk. Nothing can be appended after.
  public func finish() throws { try flush(isLast: true) }

  private func flush(isLast: Bool) throws {
    let nonce = SealedFile.nonce(number, isLast: isLast)
    let sealed = try chunk.withUnsafeBytes { try cipher.seal($0, nonce: nonce) }
    try sealed.withUnsafeBytes(write)
    number += 1
    chunk.removeAll(keepingCapacity: true)
  }
}
