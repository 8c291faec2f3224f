/// The answer to one request over HTTP/1.1 (RFC 9112), read as it comes. Nothing in it can make the program trap or take
/// more memory than it is given.
final class HTTPReply {
  let status: Int
  /// The fields by their names in lower case; of several with one name the first.
  let fields: [String: String]
  private var incoming: Incoming
  private var body: Body

  private enum Body {
    case none
    case counted(left: Int)
    case chunked(left: Int)
    case untilClosed
  }

  /// No head of ours comes near to it.
  private static let longestHead = 64 << 10

  /// Reads the head.
  ///
  /// - Parameter source: the next bytes; none when the connection has been closed.
  /// - Throws: ``CommandFailure`` `NOT_HTTP`, and what the source throws.
  init(from source: @escaping () throws -> [UInt8]) throws {
    var incoming = Incoming(source: source)
    var left = Self.longestHead
    let first = try incoming.line(&left).split(separator: " ", maxSplits: 2)
    guard first.count >= 2, first[0].hasPrefix("HTTP/1."), let status = Int(first[1]), (200...599).contains(status)
    else { throw Self.noHTTP }
    var fields: [String: String] = [:]
    while true {
      let line = try incoming.line(&left)
      if line.isEmpty { break }
      guard let colon = line.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw Self.noHTTP }
      let name = line[..<colon].lowercased()
      if fields[name] == nil { fields[name] = Self.trimmed(line[line.utf8.index(after: colon)...]) }
    }
    self.status = status
    self.fields = fields
    self.incoming = incoming
    body = try Self.body(status, fields)
  }

  private static func body(_ status: Int, _ fields: [String: String]) throws -> Body {
    if status == 204 || status == 304 { return .none }
    if let coding = fields["transfer-encoding"] {
      guard coding.lowercased() == "chunked" else { throw noHTTP }
      return .chunked(left: 0)
    }
    guard let text = fields["content-length"] else { return .untilClosed }
    guard let count = Int(text), count >= 0 else { throw noHTTP }
    return .counted(left: count)
  }

  /// The next bytes of the body; nil after its end.
  ///
  /// - Throws: ``CommandFailure`` `CUT_OFF` where the connection ends before the body does.
  func next() throws -> [UInt8]? {
    switch body {
    case .none: return nil
    case .untilClosed:
      let bytes = try incoming.some(1 << 16)
      return bytes.isEmpty ? nil : bytes
    case .counted(let left):
      guard left > 0 else { return nil }
      let bytes = try whole(incoming.some(left))
      body = .counted(left: left - bytes.count)
      return bytes
    case .chunked(let left):
      var left = left
      if left == 0 {
        left = try chunk()
        if left == 0 {
          body = .none
          return nil
        }
      }
      let bytes = try whole(incoming.some(left))
      left -= bytes.count
      if left == 0 {
        var line = 2
        _ = try incoming.line(&line)
      }
      body = .chunked(left: left)
      return bytes
    }
  }

  /// The whole body. Throws `TOO_LARGE` beyond the limit in bytes.
  func all(limit: Int = 64 << 20) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try next() {
      guard bytes.count + piece.count <= limit else {
        throw CommandFailure(.failed, "TOO_LARGE", "The server's answer is longer than \(limit >> 20) MiB.")
      }
      bytes += piece
    }
    return bytes
  }

  /// How long the next chunk is (RFC 9112, section 7.1); 0 for the last one, behind which the trailer is read, too.
  private func chunk() throws -> Int {
    var left = 1_024
    let line = try incoming.line(&left)
    guard let count = Int(Self.trimmed(line.prefix { $0 != ";" }), radix: 16), count >= 0 else { throw Self.noHTTP }
    guard count == 0 else { return count }
    left = Self.longestHead
    while try !incoming.line(&left).isEmpty {}
    return 0
  }

  private func whole(_ bytes: [UInt8]) throws -> [UInt8] {
    guard !bytes.isEmpty else {
      throw CommandFailure(.notConnected, "CUT_OFF", "The connection ended in the middle of the server's answer.")
    }
    return bytes
  }

  private static func trimmed(_ text: Substring) -> String {
    let blanks: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    let start = text.drop(while: blanks)
    return String(start.reversed().drop(while: blanks).reversed())
  }

  fileprivate static let noHTTP = CommandFailure(
    .notConnected, "NOT_HTTP", "What answers at the address of the console does not speak HTTP. Check the address.")
}

/// Bytes that have come and are not used up yet.
private struct Incoming {
  let source: () throws -> [UInt8]
  private var held: ArraySlice<UInt8> = []

  init(source: @escaping () throws -> [UInt8]) { self.source = source }

  /// A line without its end.
  ///
  /// - Parameter left: how many bytes may still be taken; lowered by those that were.
  mutating func line(_ left: inout Int) throws -> String {
    var bytes: [UInt8] = []
    while true {
      if held.isEmpty { held = try source()[...] }
      guard let byte = held.popFirst(), left > 0 else { throw HTTPReply.noHTTP }
      left -= 1
      if byte == 0x0A { break }
      bytes.append(byte)
    }
    if bytes.last == 0x0D { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// At least one byte and at most so many; none at the end.
  mutating func some(_ most: Int) throws -> [UInt8] {
    if held.isEmpty { held = try source()[...] }
    let bytes = Array(held.prefix(most))
    held = held.dropFirst(bytes.count)
    return bytes
  }
}
