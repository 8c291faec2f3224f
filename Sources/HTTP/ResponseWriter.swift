import CMicroHTTPD

/// Hands an answer to libmicrohttpd.
enum ResponseWriter {
  /// Queues a response that is complete.
  /// - Returns: false when the connection must be closed instead.
  static func queue(_ response: Response, closing: Bool, on connection: ServedConnection) -> Bool {
    let bytes: [UInt8] = if case .bytes(let bytes) = response.body { bytes } else { [] }
    let made = bytes.withUnsafeBufferPointer { buffer in
      // With MUST_COPY the bytes are only read, though the parameter is not const.
      MHD_create_response_from_buffer(
        buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
    }
    guard let made else { return false }
    defer { MHD_destroy_response(made) }
    for (name, value) in response.headers { MHD_add_response_header(made, name, value) }
    if closing { MHD_add_response_header(made, "Connection", "close") }
    return MHD_queue_response(connection.pointer, UInt32(response.status), made) == .YES
  }

  private final class Feed {
    let stream: any SentStream
    let connection: ServedConnection

    init(stream: any SentStream, connection: ServedConnection) {
      self.stream = stream
      self.connection = connection
    }
  }

  /// Queues a response whose body is sent bit by bit.
  static func queue(_ stream: any SentStream, _ response: Response, on connection: ServedConnection) -> Bool {
    let feed = Unmanaged.passRetained(Feed(stream: stream, connection: connection))
    let made = MHD_create_response_from_callback(
      UInt64.max, 1,
      { closure, _, buffer, size in
        guard let closure, let buffer else { return -1 }
        let feed = Unmanaged<Feed>.fromOpaque(closure).takeUnretainedValue()
        return feed.stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size), of: feed.connection)
      },
      feed.toOpaque(),
      { closure in
        if let closure { Unmanaged<Feed>.fromOpaque(closure).release() }
      })
    guard let made else {
      feed.release()
      return false
    }
    defer { MHD_destroy_response(made) }
    for (name, value) in response.headers { MHD_add_response_header(made, name, value) }
    return MHD_queue_response(connection.pointer, UInt32(response.status), made) == .YES
  }
}
