import COpenSSL

/// Reads a file that ``SealedFileWriter`` wrote, chunk by chunk. What it gives out is what was written, in its order;
/// whether it is all of it is known once ``next()`` has answered nil.
public final class SealedFileReader {
  private let read: (Int) throws -> [UInt8]
  private let cipher: ChunkCipher
  private var number: UInt64 = 0
  private var ahead: [UInt8]?
  private var isOver = false

  /// Reads the head and derives the keys (blocking, about half a second).
  ///
  /// - Parameter read: gives the next bytes of the file, as many as asked for unless it ends before.
  /// - Throws: `NOT_A_BACKUP`, `BACKUP_TOO_NEW`, `WRONG_PASSPHRASE`, `BACKUP_CUT_SHORT`; what `read` throws.
  public init(passphrase: SecretBytes, read: @escaping (Int) throws -> [UInt8]) throws {
    let head = try read(SealedFile.headCount)
    let (parameters, salt) = try Self.parse(head)
    let keys = try PassphraseKeys(passphrase, salt: salt, parameters: parameters)
    try Self.check(head, keys)
    cipher = try ChunkCipher(keys.content)
    self.read = read
  }

  /// Reads a file that has just been written, with its own keys.
  public init(keys: SealedFileKeys, read: @escaping (Int) throws -> [UInt8]) throws {
    let head = try read(SealedFile.headCount)
    _ = try Self.parse(head)
    try Self.check(head, keys.keys)
    cipher = try ChunkCipher(keys.keys.content)
    self.read = read
  }

  private static func check(_ head: [UInt8], _ keys: PassphraseKeys) throws {
    guard
      try keys.tag(of: Array(head[..<SealedFile.coveredCount])) == SecretBytes(Array(head[SealedFile.coveredCount...]))
    else {
      throw PKIError(
        code: "WRONG_PASSPHRASE",
        sentence: "The passphrase is not the one that this backup was made with, or the beginning of the file was "
          + "changed. Try the passphrase again, or another copy of the file.")
    }
  }

  /// The next bytes, at most 64 KiB; nil at the end of a file that is whole.
  ///
  /// - Throws: `BACKUP_DAMAGED` when the file was changed, `BACKUP_CUT_SHORT` when its end is missing.
  public func next() throws -> [UInt8]? {
    if isOver { return nil }
    let size = SealedFile.chunkCount + SealedFile.tagCount
    let sealed = try ahead ?? read(size)
    ahead = sealed.count == size ? try read(size) : []
    let isLast = ahead?.isEmpty ?? true
    guard let chunk = sealed.withUnsafeBytes({ cipher.open($0, nonce: SealedFile.nonce(number, isLast: isLast)) })
    else {
      throw try refusal(sealed, isLast)
    }
    // Only an empty file has an empty chunk: otherwise there would be two forms of the same content.
    if isLast, chunk.isEmpty, number > 0 { throw Self.damaged(number) }
    number += 1
    isOver = isLast
    return chunk
  }

  /// A chunk that would open if more followed shows that the end is missing, and not that something was changed.
  private func refusal(_ sealed: [UInt8], _ isLast: Bool) throws -> PKIError {
    let isWholeChunk =
      isLast
      && sealed.withUnsafeBytes { cipher.open($0, nonce: SealedFile.nonce(number, isLast: false)) } != nil
    return isWholeChunk || sealed.isEmpty ? Self.cutShort : Self.damaged(number)
  }

  private static func parse(_ head: [UInt8]) throws -> (ScryptParameters, salt: [UInt8]) {
    let name = SealedFile.name
    // Everything but the number of the form, which is the last character before the line's end.
    guard head.count >= name.count, head.prefix(name.count - 2) == name.prefix(name.count - 2) else {
      throw PKIError(
        code: "NOT_A_BACKUP", sentence: "The file is no backup of Reroot. Give a file that `reroot backup` has written."
      )
    }
    guard head.prefix(name.count) == name[...] else {
      throw PKIError(
        code: "BACKUP_TOO_NEW",
        sentence: "The backup has a form that this version of Reroot does not know. Restore it with a newer version.")
    }
    guard head.count == SealedFile.headCount else { throw cutShort }
    let work = head[name.count..<name.count + 4].map(Int.init)
    guard let parameters = ScryptParameters(work[0], work[1], work[2], within: .backup) else {
      throw PKIError(
        code: "BACKUP_DAMAGED",
        sentence: "The beginning of the backup was changed: it asks for more work than reading a backup may cost. Use "
          + "another copy of the file.")
    }
    return (parameters, Array(head[name.count + 4..<SealedFile.coveredCount]))
  }

  private static let cutShort = PKIError(
    code: "BACKUP_CUT_SHORT",
    sentence: "The end of the backup is missing: it was not written or copied to its end. Use another copy of the file."
  )

  private static func damaged(_ number: UInt64) -> PKIError {
    PKIError(
      code: "BACKUP_DAMAGED",
      sentence: "The backup was changed or damaged after it was written (part \(number + 1) of 64 KiB does not open). "
        + "Use another copy of the file.")
  }
}
