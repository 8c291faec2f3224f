import COpenSSL

/// How much a peer may send, and until when, before a call of OpenSSL is made to return.
///
/// Such a call reads on for as long as there is something to read. A peer that sends without end what a client has to
/// ignore, such as HelloRequests before a TLS 1.2 handshake (RFC 5246, section 7.4.1.1) or session tickets after a TLS
/// 1.3 one, would so keep the thread for good, without the socket's deadline ever being looked at.
final class ReadLimit {
  /// No handshake takes more than this, in bytes: 1 MiB. OpenSSL takes chains of up to 100 KiB.
  static let handshake = 1 << 20

  private let socket: TCPSocket
  private var left: Int?
  /// Why nothing more was read; nil while it was not refused.
  private(set) var refusal: PKIError?

  init(_ socket: TCPSocket) {
    self.socket = socket
  }

  /// Runs something during which so many bytes may be read.
  func during<Value>(_ bytes: Int, _ body: () throws -> Value) rethrows -> Value {
    left = bytes
    defer { left = nil }
    return try body()
  }

  /// Lets a connection read through this, for as long as it lives.
  func watch(_ connection: OpaquePointer) {
    guard let bio = SSL_get_rbio(connection) else { return }
    BIO_set_callback_arg(bio, Unmanaged.passUnretained(self).toOpaque().assumingMemoryBound(to: CChar.self))
    // BIO_set_callback_ex(3): called before each operation, where 0 or less is what the operation returns without being
    // carried out, and after it.
    BIO_set_callback_ex(bio) { bio, operation, _, _, _, _, result, count in
      guard let bio, let argument = BIO_get_callback_arg(bio) else { return Int(result) }
      let limit = Unmanaged<ReadLimit>.fromOpaque(argument).takeUnretainedValue()
      switch operation {
      case BIO_CB_READ:
        guard limit.mayReadOn() else {
          // Otherwise it would seem to be worth waiting for.
          BIO_clear_flags(
            bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_IO_SPECIAL | BIO_FLAGS_SHOULD_RETRY)
          return -1
        }
      case BIO_CB_READ | BIO_CB_RETURN:
        if result > 0, let count { limit.took(count.pointee) }
      default: break
      }
      return Int(result)
    }
  }

  private func took(_ count: Int) { left = left.map { $0 - count } }

  private func mayReadOn() -> Bool {
    if let left, left <= 0 {
      refusal = PKIError(
        code: "NOT_TLS", sentence: "\(socket.peer) talks without end, and completes no TLS handshake.")
    } else if socket.isOverdue {
      refusal = PKIError(
        code: "CONNECTION_TIMED_OUT", sentence: "\(socket.peer) talks on and on, and came to no end in time.")
    }
    return refusal == nil
  }
}
