import COpenSSL
import Synchronization

/// Reads private keys in PEM with a decoder that is put together once: OpenSSL 3.0 goes through all that it can decode
/// whenever it makes one, which takes ten times as long as to read a key.
enum KeyDecoder {
  // Sendable holds: both are used under the lock alone. They are kept to the end of the process.
  private struct Decoder: @unchecked Sendable {
    let context: OpaquePointer
    /// Where the decoder leaves the key.
    let slot: UnsafeMutablePointer<OpaquePointer?>

    init?() {
      slot = .allocate(capacity: 1)
      slot.initialize(to: nil)
      guard let context = reroot_key_decoder(slot) else {
        slot.deallocate()
        return nil
      }
      self.context = context
    }

    func read(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
      OpenSSLErrors.guarded {
        var position = bytes.bindMemory(to: UInt8.self).baseAddress
        var count = bytes.count
        slot.pointee = nil
        defer { slot.pointee = nil }
        if OSSL_DECODER_from_data(context, &position, &count) == 1 { return slot.pointee }
        EVP_PKEY_free(slot.pointee)
        return nil
      }
    }
  }

  private static let decoder = Mutex(Decoder())

  /// The first private key of a PEM text; nil where this decoder finds none, which says nothing yet: keys in older forms,
  /// encrypted ones and damaged ones are for ``PrivateKey`` to judge. Leaves nothing in the error queue.
  static func key(_ bytes: UnsafeRawBufferPointer) -> OpaquePointer? {
    guard bytes.starts(with: beginning) else { return nil }
    // A key that was read is nobody's but the caller's.
    nonisolated(unsafe) var key: OpaquePointer?
    decoder.withLock { key = $0?.read(bytes) }
    return key
  }

  /// A key as Reroot itself writes it (RFC 7468, section 10), so that what is read first is the first key of the text.
  private static let beginning = Array("-----BEGIN PRIVATE KEY-----".utf8)
}
