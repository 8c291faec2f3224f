import Foundation
import PKI
import Store

/// An entry of the audit log as a message for syslog (RFC 5424).
enum SyslogMessage {
  /// Facility 13, "log audit" (RFC 5424, section 6.2.1).
  private static let facility = 13
  /// Reroot has no number of its own; this is the one that RFC 5612 keeps for examples.
  private static let element = "reroot@32473"
  /// Characters of a value; 64 is what a hash takes, and seven values of it fit into the shortest message.
  private static let longestValues = [500, 200, 64]

  /// - Parameters:
  ///   - limit: the most bytes; what is longer is cut, never in the middle of a character.
  ///   - hostName, processID: of this process.
  static func bytes(_ entry: AuditEntry, limit: Int, hostName: String, processID: Int32) -> [UInt8] {
    let event = AuditEvent(rawValue: entry.event)
    // Warning or notice (section 6.2.1).
    let priority = facility * 8 + (event?.isWarning == true ? 4 : 5)
    let header = [
      "<\(priority)>1", AuditTime.text(entry.at), printable(hostName, limit: 255), "reroot", "\(processID)",
      printable(entry.event, limit: 32),
    ].joined(separator: " ")
    // The hash first: whatever is cut, it tells later which entry this was.
    let values: [(String, String?)] = [
      ("number", "\(entry.number)"), ("hash", Hexadecimal.text(entry.hash)),
      ("kind", entry.author.kind.rawValue), ("who", entry.author.name), ("from", entry.author.address),
      ("on", entry.subject), ("reason", entry.reason),
    ]
    let data = structured(values, limit: limit - header.utf8.count - 32)
    let details = entry.details.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "; ")
    let subject = entry.subject.map { " (\($0))" } ?? ""
    let words =
      "\(event?.title ?? entry.event) by \(entry.author.name)\(subject)" + (details.isEmpty ? "" : ": \(details)")
    // UTF-8 begins with the byte order mark (section 6.4, MSG-UTF8).
    let message = "\(header) [\(element) \(data)] \u{FEFF}\(VisibleText.of(words, limit: limit))"
    return cut(Array(message.utf8), limit)
  }

  /// The element's parameters; long values are cut until all of them have room.
  private static func structured(_ values: [(String, String?)], limit: Int) -> String {
    var text = ""
    for length in longestValues {
      text = values.compactMap { name, value in value.map { "\(name)=\"\(escaped($0, length))\"" } }
        .joined(separator: " ")
      if text.utf8.count <= limit { break }
    }
    return text
  }

  /// PARAM-VALUE (section 6.3.3): `"`, `\` and `]` are escaped. Control characters are written out already.
  private static func escaped(_ text: String, _ limit: Int) -> String {
    var out = ""
    for scalar in VisibleText.of(text, limit: limit).unicodeScalars {
      if scalar == "\"" || scalar == "\\" || scalar == "]" { out += "\\" }
      out.unicodeScalars.append(scalar)
    }
    return out
  }

  /// PRINTUSASCII (section 6), which the fields of the header are made of; `-` for nothing.
  private static func printable(_ text: String, limit: Int) -> String {
    let kept = text.unicodeScalars.filter { $0.value > 0x20 && $0.value < 0x7F }.prefix(limit)
    return kept.isEmpty ? "-" : String(String.UnicodeScalarView(kept))
  }

  private static func cut(_ bytes: [UInt8], _ limit: Int) -> [UInt8] {
    guard bytes.count > limit else { return bytes }
    var end = limit
    // Not before a byte that goes on with a character (RFC 3629, section 3).
    while end > 0, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return Array(bytes[..<end])
  }
}
