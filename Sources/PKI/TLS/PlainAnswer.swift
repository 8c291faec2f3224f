/// What a server says before TLS begins, in so many bytes at most.
final class PlainAnswer {
  /// How many bytes one answer, and all of them together, may have: 64 KiB.
  static let longest = 64 << 10
  /// How long a line may be in bytes. SMTP has 512 (RFC 5321, section 4.5.3.1.5), IMAP 8,192 (RFC 7162, section 4).
  private static let longestLine = 8_192

  private let socket: TCPSocket
  private var left = PlainAnswer.longest

  init(_ socket: TCPSocket) {
    self.socket = socket
  }

  /// The next byte.
  func byte() throws -> UInt8 {
    guard left > 0 else { throw tooMuch() }
    left -= 1
    guard let byte = try socket.receiveByte() else {
      throw PKIError(
        code: "CONNECTION_LOST", sentence: "The connection with \(socket.peer) broke off: the other side closed it.")
    }
    return byte
  }

  /// The next so many bytes.
  func bytes(_ count: Int) throws -> [UInt8] {
    guard count <= left else { throw tooMuch() }
    var bytes: [UInt8] = []
    for _ in 0..<count { bytes.append(try byte()) }
    return bytes
  }

  /// The next line without its end; what is no visible text in it is written out.
  func line() throws -> String {
    var bytes: [UInt8] = []
    while true {
      let byte = try byte()
      if byte == UInt8(ascii: "\n") { break }
      guard bytes.count < Self.longestLine else { throw tooMuch() }
      bytes.append(byte)
    }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return VisibleText.of(bytes, limit: Self.longestLine)
  }

  /// That the server does not begin TLS.
  func declined(_ protocolName: String, saying text: String? = nil) -> PKIError {
    let said = text.map { "; it says: \(VisibleText.of($0, limit: 200))" } ?? ""
    return PKIError(
      code: "TLS_NOT_OFFERED", sentence: "The \(protocolName) server at \(socket.peer) does not offer TLS\(said).")
  }

  /// That what answers does not speak the protocol.
  func strange(_ protocolName: String) -> PKIError {
    PKIError(code: "NOT_TLS", sentence: "What \(socket.peer) says is not \(protocolName)'s way to TLS.")
  }

  private func tooMuch() -> PKIError {
    PKIError(code: "NOT_TLS", sentence: "\(socket.peer) talks without end, and does not begin TLS.")
  }
}
