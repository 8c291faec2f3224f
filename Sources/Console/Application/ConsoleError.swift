import Store

/// Why the console cannot do something, in a sentence for a person.
public struct ConsoleError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable word for programs.
  public let code: String
  /// What happened, to what, and what to do next.
  public let sentence: String

  /// Describes an error.
  public init(code: String, sentence: String) {
    self.code = code
    self.sentence = sentence
  }

  /// The sentence.
  public var description: String { sentence }
}

/// Ends a request with a page that says what is wrong. Handlers throw it; it is drawn in one place.
public struct PageError: Error, Sendable {
  /// The status of the answer, 400 to 599.
  public let status: Int
  /// A stable word for programs; nil takes the usual one of the status.
  public let code: String?
  /// The heading of the page; nil takes the usual one of the status.
  public let title: String?
  /// What is wrong, and what to do next, as a page says it.
  public let sentence: String
  /// The same in two, where the API has another way on than the page.
  let parts: (cause: String, advice: Advice)?
  /// Where to go on; nil leads to the start.
  public let back: (label: String, href: String)?

  /// Describes what is wrong.
  public init(
    _ status: Int, _ sentence: String, code: String? = nil, title: String? = nil,
    back: (label: String, href: String)? = nil
  ) {
    self.status = status
    self.code = code
    self.title = title
    self.sentence = sentence
    parts = nil
    self.back = back
  }

  /// Describes what is wrong where the API has another way on than the page.
  init(_ status: Int, cause: String, _ advice: Advice, code: String) {
    self.status = status
    self.code = code
    title = nil
    sentence = "\(cause) \(advice.page)"
    parts = (cause, advice)
    back = nil
  }

  /// Nothing is stored under this number: `PageError.notFound("root certificate")`.
  ///
  /// - Parameter why: what may have become of it, and what to do.
  public static func notFound(
    _ what: String, _ why: String = "It may have been removed; look at the list again."
  ) -> PageError {
    PageError(404, "There is no such \(what). \(why)")
  }

  /// What an operation has refused, with the code and the sentence that the API answers, on a page that leads back.
  ///
  /// - Returns: the error itself where it is none of the request's or of the moment: it is told and logged as any other.
  static func refusal(_ error: any Error, back: (label: String, href: String)) -> any Error {
    if error is PageError { return error }
    let problem = ProblemDetails(error)
    guard problem.logged == nil, problem.status != 404 else { return error }
    return PageError(problem.status, problem.sentence, code: problem.code, title: problem.title, back: back)
  }
}
