/// One message of an event stream (HTML Standard, section 9.2.6), encoded once: the streams that it is sent to share
/// its bytes.
public struct EventMessage: Sendable {
  /// The message on the wire, blank line included.
  let bytes: [UInt8]

  /// - Parameters:
  ///   - id: what the browser gives back as `Last-Event-ID` when it reconnects. Line breaks and NUL are dropped.
  ///   - event: the type that a listener is registered for; without one it is `message`. Line breaks are dropped.
  ///   - data: the text; each of its lines becomes a `data:` line, whichever way the lines are broken.
  public init(id: String? = nil, event: String? = nil, data: String) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(data.utf8.count + 64)
    if let id { EventMessage.append("id", EventMessage.oneLine(id), to: &bytes) }
    if let event { EventMessage.append("event", EventMessage.oneLine(event), to: &bytes) }
    var rest = Array(data.utf8)[...]
    while true {
      let end = rest.firstIndex { $0 == 0x0A || $0 == 0x0D } ?? rest.endIndex
      EventMessage.append("data", rest[..<end], to: &bytes)
      guard end < rest.endIndex else { break }
      let isPair = rest[end] == 0x0D && end + 1 < rest.endIndex && rest[end + 1] == 0x0A
      rest = rest[(end + (isPair ? 2 : 1))...]
    }
    bytes.append(0x0A)
    self.bytes = bytes
  }

  /// Several messages that are sent as one; a client takes them one by one.
  public init(joining messages: [EventMessage]) {
    bytes = messages.flatMap(\.bytes)
  }

  private init(comment: String) {
    bytes = Array(":\(comment)\n\n".utf8)
  }

  /// A comment that browsers pass over: it keeps proxies from closing a silent stream, and shows a dead client.
  static let keepAlive = EventMessage(comment: " keep-alive")
  /// Sent first, so that a proxy passes the header on before the first event.
  static let opening = EventMessage(comment: "")

  private static func append(_ field: String, _ value: some Sequence<UInt8>, to bytes: inout [UInt8]) {
    bytes.append(contentsOf: field.utf8)
    bytes.append(UInt8(ascii: ":"))
    bytes.append(0x20)
    bytes.append(contentsOf: value)
    bytes.append(0x0A)
  }

  private static func oneLine(_ text: String) -> [UInt8] {
    text.utf8.filter { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
  }
}
