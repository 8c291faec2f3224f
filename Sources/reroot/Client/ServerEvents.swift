/// An event of a stream of Server-Sent Events (HTML Standard, section 9.2).
struct ServerEvent: Sendable, Hashable {
  /// The last identifier that the stream has named, with which it can be gone on with.
  var id: String
  var name: String
  var data: String
}

/// Makes events of the lines of a stream.
struct ServerEventParser {
  /// An event that is longer is none of ours: 64 MiB.
  private static let longest = 64 << 20

  private var line: [UInt8] = []
  private var id = ""
  private var name = ""
  private var data: [String] = []
  private var size = 0

  /// The events that are complete with these bytes.
  ///
  /// - Throws: ``CommandFailure`` `TOO_LARGE`.
  mutating func take(_ bytes: [UInt8]) throws -> [ServerEvent] {
    var events: [ServerEvent] = []
    for byte in bytes {
      guard byte == 0x0A else {
        line.append(byte)
        size += 1
        guard size <= Self.longest else {
          throw CommandFailure(.failed, "TOO_LARGE", "An event of the server is longer than 64 MiB.")
        }
        continue
      }
      if line.last == 0x0D { line.removeLast() }
      let text = String(decoding: line, as: UTF8.self)
      line.removeAll(keepingCapacity: true)
      if let event = end(text) { events.append(event) }
    }
    return events
  }

  private mutating func end(_ text: String) -> ServerEvent? {
    guard !text.isEmpty else {
      defer { (name, data, size) = ("", [], 0) }
      return data.isEmpty
        ? nil : ServerEvent(id: id, name: name.isEmpty ? "message" : name, data: data.joined(separator: "\n"))
    }
    let parts = text.utf8.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
      .map { Substring($0) }
    var value = parts.count > 1 ? parts[1] : ""
    if value.utf8.first == UInt8(ascii: " ") { value = Substring(value.utf8.dropFirst()) }
    switch parts[0] {
    case "id": if !value.contains("\0") { id = String(value) }
    case "event": name = String(value)
    case "data": data.append(String(value))
    // A comment, which keeps the connection, or something newer.
    default: if data.isEmpty { size = 0 }
    }
    return nil
  }
}
