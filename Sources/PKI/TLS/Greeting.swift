extension ServedChain {
  /// What a server says by itself when somebody connects, such as a mail server's first line; nothing is sent to it.
  ///
  /// Blocking, for the time limit at most. Ends at a line's end, or after 512 bytes; MariaDB's packet has no line.
  ///
  /// - Returns: the bytes, none where the server waits for the client to begin, or cannot be reached.
  public static func greeting(at address: String, port: UInt16, timeLimit: Duration) -> [UInt8] {
    var bytes: [UInt8] = []
    do {
      let socket = try TCPSocket(host: address, port: port, deadline: .now + timeLimit)
      while bytes.count < 512, !isWhole(bytes), let byte = try socket.receiveByte() {
        bytes.append(byte)
      }
    } catch {
      // What has come until then is the greeting.
    }
    return bytes
  }

  /// A line, but not MariaDB's first packet, whose fifth byte is the version of the protocol, 10, which is a line feed too.
  private static func isWhole(_ bytes: [UInt8]) -> Bool {
    bytes.last == UInt8(ascii: "\n") && !(bytes.count >= 5 && bytes[3] == 0 && bytes[4] == 10)
  }
}
