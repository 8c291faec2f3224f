import COpenSSL

// Sendable holds: the storage is written in the initialiser only and freed in `deinit`, when nobody else can read it.
/// Bytes that must not be printed, compared in variable time, or left behind in memory.
///
/// The storage is wiped when the last reference goes away. Descriptions and reflection show `[redacted]`.
public final class SecretBytes: @unchecked Sendable {
  private let storage: UnsafeMutableRawBufferPointer

  /// How many bytes there are.
  public var count: Int { storage.count }
  /// Whether there are none.
  public var isEmpty: Bool { storage.isEmpty }

  /// A copy of the bytes given; the caller's own array is not wiped.
  public init(_ bytes: [UInt8]) {
    storage = .allocate(byteCount: bytes.count, alignment: 16)
    storage.copyBytes(from: bytes)
  }

  /// A copy of the bytes that a buffer holds.
  public init(copying bytes: UnsafeRawBufferPointer) {
    storage = .allocate(byteCount: bytes.count, alignment: 16)
    storage.copyMemory(from: bytes)
  }

  /// The UTF-8 form of a text, such as a password from a form.
  public convenience init(utf8 text: String) { self.init(Array(text.utf8)) }

  /// As many bytes as asked for, all zero, which `fill` may set before anybody else sees them.
  public init(count: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(0, count), alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    do {
      try fill(buffer)
    } catch {
      OPENSSL_cleanse(buffer.baseAddress, buffer.count)
      buffer.deallocate()
      throw error
    }
    storage = buffer
  }

  deinit {
    OPENSSL_cleanse(storage.baseAddress, storage.count)
    storage.deallocate()
  }

  /// Lends the bytes for the length of one call. They must not be kept.
  public func withBytes<Value>(_ body: (UnsafeRawBufferPointer) throws -> Value) rethrows -> Value {
    try withExtendedLifetime(self) { try body(UnsafeRawBufferPointer(storage)) }
  }
}

extension SecretBytes: Equatable {
  /// Compares in a time that depends on the lengths only.
  public static func == (left: SecretBytes, right: SecretBytes) -> Bool {
    guard left.count == right.count else { return false }
    return left.withBytes { one in
      right.withBytes { other in
        guard let first = one.baseAddress, let second = other.baseAddress else { return true }
        return CRYPTO_memcmp(first, second, one.count) == 0
      }
    }
  }
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Always `[redacted]`.
  public var description: String { "[redacted]" }
  /// Always `[redacted]`.
  public var debugDescription: String { "[redacted]" }
  /// No children, so that `dump` shows nothing.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
