/// What to do about something that was refused. The cause is the same whoever asks; the way on is the page's or the API's own,
/// and the command line has its own for some codes.
public struct Advice: Sendable, Hashable {
  /// As a page says it, beside its buttons and boxes.
  public let page: String
  /// As the API says it, by the names of members and paths.
  public let api: String

  /// What to do on a page, and over the API.
  public init(page: String, api: String) { (self.page, self.api) = (page, api) }

  /// The same for both.
  public init(_ both: String) { self.init(page: both, api: both) }
}
