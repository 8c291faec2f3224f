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
      Self.decodeBeginning(head) + gap + Self.decodeEnd(end), keeping: "\u{1}")
    let parts = cleaned.split(separator: "\u{1}", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    return Self.join(
      Self.prefix(parts[0], Self.headBytes), Self.suffix(parts.count > 1 ? parts[1] : "", Self.tailBytes),
      dropped: dropped)
  }

  /// Without the part of a character that the cut has left at the end.
  private static func decodeBeginning(_ bytes: [UInt8]) -> String {
    let rest = bytes.reversed().prefix { $0 & 0xC0 == 0x80 }.count
    let lead = bytes.dropLast(rest).last ?? 0
    let isWhole = lead & 0x80 == 0 || rest >= (~lead).leadingZeroBitCount - 1
    return String(decoding: isWhole ? bytes[...] : bytes.dropLast(rest + 1), as: UTF8.self)
  }

  /// Without the part of a character that the cut has left at the beginning.
  private static func decodeEnd(_ bytes: ArraySlice<UInt8>) -> String {
    String(decoding: bytes.dropFirst(bytes.prefix(3).prefix { $0 & 0xC0 == 0x80 }.count), as: UTF8.self)
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
  private static let marker: Substring = "[private key left out]"

  /// Replaces every PEM block of a private key, complete or cut, by one line that says so. What stands before and behind
  /// the lines of a block, as in a log, goes with them.
  ///
  /// - Parameter gap: a line that stands where text was left out, and that stays.
  static func redact(_ text: String, gap: String?) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let gap = gap.map { Substring($0) }
    var out: [Substring] = []
    var index = 0
    while index < lines.count {
      let line = lines[index]
      index += 1
      if isMark("-----BEGIN", line) {
        out.append(marker)
        guard !isMark("-----END", line) else { continue }
        let end = endOfKey(lines, from: index, gap: gap)
        if let gap, lines[index..<end].contains(gap) { out.append(gap) }
        index = end
      } else if isMark("-----END", line) {
        // Its beginning was left out.
        while let last = out.last, last != gap, mayBeKey(last) { out.removeLast() }
        out.append(marker)
      } else {
        out.append(line)
      }
    }
    return out.joined(separator: "\n")
  }

  /// The line after the last one of the key that has begun: after its end mark or, where that is cut off, before the first
  /// line that cannot be a key's.
  private static func endOfKey(_ lines: [Substring], from first: Int, gap: Substring?) -> Int {
    for index in first..<lines.count {
      if isMark("-----END", lines[index]) { return index + 1 }
      if lines[index].contains("-----BEGIN") { break }
    }
    return lines[first...].firstIndex { !$0.isEmpty && $0 != gap && !mayBeKey($0) } ?? lines.count
  }

  private static func isMark(_ mark: String, _ line: Substring) -> Bool {
    line.range(of: mark).map { line[$0.upperBound...].contains("PRIVATE KEY") } ?? false
  }

  /// Whether the line could be one of a PEM block's: base64 alone, or much of it among other text, or a header of an old
  /// encrypted key.
  private static func mayBeKey(_ line: Substring) -> Bool {
    let text = line.trimmingCharacters(in: .whitespaces)
    if text.contains("Proc-Type:") || text.contains("DEK-Info:") { return true }
    var longest = 0
    var run = 0
    for byte in text.utf8 {
      run = isBase64(byte) ? run + 1 : 0
      longest = max(longest, run)
    }
    return longest >= 16 || (longest == text.utf8.count && longest > 0)
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2B
      || byte == 0x2F || byte == 0x3D
  }
}
