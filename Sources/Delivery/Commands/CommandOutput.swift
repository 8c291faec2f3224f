import Foundation

/// The beginning and the end of what a command says, however much that is.
struct CommandOutput: Sendable {
  /// No text is longer than this, in UTF-8: 16 KiB.
  static let maximumBytes = 16 << 10
  private static let headBytes = 6 << 10
  /// The end matters more, because the error stands there; the rest is for the line that says what was left out.
  private static let tailBytes = maximumBytes - headBytes - 128

  private var head: [UInt8] = []
  private var tail: [UInt8] = []
  private var total = 0

  /// Takes what was said next.
  mutating func append(_ bytes: some Collection<UInt8>) {
    total += bytes.count
    let room = Self.headBytes - head.count
    head.append(contentsOf: bytes.prefix(room))
    tail.append(contentsOf: bytes.dropFirst(max(0, room)))
    // Cut now and then instead of each time, so that a flood costs little.
    if tail.count > 4 * Self.tailBytes { tail.removeFirst(tail.count - Self.tailBytes) }
  }

  /// The text: UTF-8 made valid, control characters removed, private keys blacked out, at most ``maximumBytes``.
  var text: String {
    let end = tail.suffix(Self.tailBytes)
    let dropped = total - head.count - end.count
    guard dropped > 0 else {
      let whole = Self.clean(String(decoding: head + end, as: UTF8.self))
      guard whole.utf8.count > Self.maximumBytes else { return whole }
      return Self.join(Self.prefix(whole, Self.headBytes), Self.suffix(whole, Self.tailBytes), dropped: nil)
    }
    // Cleaned as one text, so that a key that begins before the gap is still recognised after it.
    let gap = "\n\u{1}\n"
    let cleaned = Self.clean(
      String(decoding: head, as: UTF8.self) + gap + String(decoding: end, as: UTF8.self), keeping: "\u{1}")
    let parts = cleaned.split(separator: "\u{1}", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    return Self.join(
      Self.prefix(parts[0], Self.headBytes), Self.suffix(parts.count > 1 ? parts[1] : "", Self.tailBytes),
      dropped: dropped)
  }

  private static func join(_ head: String, _ tail: String, dropped: Int?) -> String {
    let amount = dropped.map { "\($0) bytes" } ?? "something"
    return head.trimmingCharacters(in: .newlines) + "\n[… \(amount) left out here …]\n"
      + tail.trimmingCharacters(in: .newlines)
  }

  private static func clean(_ text: String, keeping kept: Unicode.Scalar? = nil) -> String {
    KeyRedaction.redact(withoutControls(text, keeping: kept), gap: kept.map(String.init))
  }

  /// Without what colours a terminal or moves its cursor (ECMA-48 control sequences), and without other controls.
  private static func withoutControls(_ text: String, keeping kept: Unicode.Scalar?) -> String {
    var out = String.UnicodeScalarView()
    var inSequence = false
    var escaped = false
    for scalar in text.unicodeScalars {
      if inSequence {
        inSequence = !("@"..."~").contains(scalar) && scalar != "\n"
        if scalar != "\n" { continue }
      } else if escaped {
        escaped = false
        inSequence = scalar == "["
        if scalar != "\n" { continue }
      }
      if scalar == "\u{1B}" {
        escaped = true
      } else if scalar == "\n" || scalar == "\t" || scalar == kept || scalar.properties.generalCategory != .control {
        out.append(scalar)
      }
    }
    return String(out)
  }

  private static func prefix(_ text: String, _ count: Int) -> String {
    guard text.utf8.count > count else { return text }
    var bytes = text.utf8.prefix(count)
    while let last = bytes.last, String(bytes) == nil, last & 0x80 != 0 { bytes.removeLast() }
    return String(bytes) ?? ""
  }

  private static func suffix(_ text: String, _ count: Int) -> String {
    guard text.utf8.count > count else { return text }
    var bytes = text.utf8.suffix(count)
    while let first = bytes.first, first & 0xC0 == 0x80 { bytes.removeFirst() }
    return String(bytes) ?? ""
  }
}

/// Blacks out private keys in text that others wrote.
enum KeyRedaction {
  /// Replaces every line of a PEM block of a private key, complete or cut, by one line that says so.
  static func redact(_ text: String, gap: String?) -> String {
    var out: [Substring] = []
    var inKey = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.contains("-----BEGIN"), line.contains("PRIVATE KEY") {
        inKey = true
        out.append("[private key left out]")
      } else if line.contains("-----END"), line.contains("PRIVATE KEY") {
        if !inKey {
          while let last = out.last, isKeyText(last) { out.removeLast() }
          out.append("[private key left out]")
        }
        inKey = false
      } else if !inKey || line == gap ?? "" || !isKeyText(line) {
        if line != gap ?? "" { inKey = inKey && line.isEmpty }
        out.append(line)
      }
    }
    return out.joined(separator: "\n")
  }

  /// Whether the line could be one of a PEM block's: base64, or a header of an old encrypted key.
  private static func isKeyText(_ line: Substring) -> Bool {
    let text = line.trimmingCharacters(in: .whitespaces)
    if text.hasPrefix("Proc-Type:") || text.hasPrefix("DEK-Info:") { return true }
    return !text.isEmpty
      && text.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
          || byte == 0x2B || byte == 0x2F || byte == 0x3D
      }
  }
}
