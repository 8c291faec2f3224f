import Foundation
import Logging
import PKI

/// Writes the log: one line an event, whatever is in it.
///
///     2026-11-24T04:26:00Z notice reroot: by=ada path="/roots/1 x" [Console] root imported
///     {"by":"ada","level":"notice","logger":"reroot","message":"root imported","source":"Console","time":"2026-…"}
///
/// As JSON an event is one object on a line (JSON Lines). A value whose name is one of the object's own has `value.` before
/// it.
///
/// Texts are written as ``PKI/VisibleText`` shows them, so no name or output of a command can begin a line of its own or
/// move the cursor of a terminal; values that are more than one word stand in quotation marks, so none can pass for a
/// further value.
public struct LineLog: LogHandler {
  /// How an event is written.
  public enum Format: String, Sendable, CaseIterable {
    /// Time, level, then `key=value` pairs and the event.
    case text
    /// One JSON object.
    case json
  }

  /// The least severe events that are written.
  public var logLevel = Logger.Level.notice
  /// Values that go with every event.
  public var metadata = Logger.Metadata()
  private let label: String
  private let format: Format
  private let write: @Sendable (String) -> Void
  private let clock: @Sendable () -> Date

  /// - Parameters:
  ///   - format: how an event is written.
  ///   - write: takes a whole line, its end included.
  ///   - clock: the present moment; tests fix it.
  public init(
    label: String, format: Format = .text, clock: @escaping @Sendable () -> Date = { Date() },
    write: @escaping @Sendable (String) -> Void
  ) {
    self.label = label
    self.format = format
    self.clock = clock
    self.write = write
  }

  /// One value that goes with every event.
  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes an event.
  public func log(event: LogEvent) {
    var values = metadata.merging(event.metadata ?? [:]) { _, own in own }
    if let error = event.error { values["error"] = "\(error)" }
    if format == .json { return write(json(event, values)) }
    let words = values.sorted { $0.key < $1.key }.map { " \(Self.word($0.key))=\(Self.word($0.value.description))" }
    let start = "\(Display.machine(clock())) \(event.level) \(Self.shown(label)):"
    write("\(start)\(words.joined()) [\(Self.shown(event.source))] \(Self.shown(event.message.description))\n")
  }

  private func json(_ event: LogEvent, _ values: Logger.Metadata) -> String {
    var members: [String: JSONValue] = [
      "time": .string(Display.machine(clock())), "level": .string("\(event.level)"),
      "logger": .string(Self.shown(label)),
      "source": .string(Self.shown(event.source)), "message": .string(Self.shown(event.message.description)),
    ]
    let own = Set(members.keys)
    for (key, value) in values {
      members[own.contains(key) ? "value.\(key)" : Self.shown(key)] = .string(Self.shown(value.description))
    }
    // Nothing but texts stands in it, which can always be written.
    let bytes = (try? JSONValue.object(members).bytes()) ?? []
    return String(decoding: bytes, as: UTF8.self) + "\n"
  }

  /// Longer texts are cut: what a command wrote at length is on the page of its update.
  private static let longest = 2_000

  private static func shown(_ text: String) -> String { VisibleText.of(text, limit: longest) }

  private static func word(_ text: String) -> String {
    let shown = shown(text)
    let isWord = !shown.isEmpty && !shown.unicodeScalars.contains { $0.properties.isWhitespace || "\"=[]".contains($0) }
    // The quotation mark that ends a value is the only one that is not doubled.
    return isWord ? shown : "\"" + shown.escaped { $0 == "\"" ? "\"\"" : nil } + "\""
  }
}

extension String {
  fileprivate func contains(_ scalar: Unicode.Scalar) -> Bool { unicodeScalars.contains(scalar) }
}
