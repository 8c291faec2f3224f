/// What to do about something that was refused. The cause is the same whoever asks; the way on is the page's or the API's own,
/// and the command line has its own for some codes.
struct Advice: Sendable, Equatable {
  /// As a page says it, beside its buttons and boxes.
  let page: String
  /// As the API says it, by the names of members and paths.
  let api: String

  init(page: String, api: String) { (self.page, self.api) = (page, api) }

  /// The same for both.
  init(_ both: String) { self.init(page: both, api: both) }
}
