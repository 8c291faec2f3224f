extension ServedChain {
  /// What a server says by itself when somebody connects, such as a mail server's first line; nothing is sent to it.
  ///
  /// Blocking, for the time limit at most. Ends at a line's end, or after 512 bytes.
  ///
  /// - Returns: the bytes, none where the server waits for the client to begin, or cannot be reached.
  public static func greeting(at address: String, port: UInt16, timeLimit: Duration) -> [UInt8] {
    var bytes: [UInt8] = []
    do {
      let socket = try TCPSocket(host: address, port: port, deadline: .now + timeLimit)
      while bytes.count < 512, bytes.last != UInt8(ascii: "\n"), let byte = try socket.receiveByte() {
        bytes.append(byte)
      }
    } catch {
      // What has come until then is the greeting.
    }
    return bytes
  }
}
