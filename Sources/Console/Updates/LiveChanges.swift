import Foundation
import HTTP

/// What changed on a page, as the browser takes it: whole partials by the id of their element.
public struct LiveChanges: Sendable, Encodable {
  /// A partial and the id of the element that it replaces, or that it is put into.
  public struct Partial: Sendable, Encodable {
    /// The id of the partial's own element.
    public var id: String
    /// The element.
    public var html: String
    /// The element to put it into; nil replaces the element of the same id.
    public var to: String?

    /// Describes a changed part of a page.
    public init(id: String, html: String, to: String? = nil) {
      self.id = id
      self.html = html
      self.to = to
    }
  }

  /// The changed parts, in their order.
  public var partials: [Partial]
  /// The id of an element that changed too much to be sent to everybody: each page asks for it as it shows it.
  public var redraw: String?
  /// Whether what the page shows has come to its end.
  public var hasEnded: Bool

  /// Collects changed parts.
  public init(partials: [Partial], redraw: String? = nil, hasEnded: Bool = false) {
    self.partials = partials
    self.redraw = redraw
    self.hasEnded = hasEnded
  }

  /// The event after which a stream is closed for good, so that the browser does not open it again. An event without data
  /// would not be dispatched (HTML Standard, section 9.2.6).
  static let end = EventMessage(event: "end", data: "{}")

  /// The event of a stream that carries them.
  ///
  /// - Parameter id: what the browser gives back as `Last-Event-ID`; nil when nothing can be resumed.
  public func message(id: String?) throws -> EventMessage {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    return EventMessage(id: id, event: "changes", data: String(decoding: try encoder.encode(self), as: UTF8.self))
  }
}
