/// A request that the server itself refuses: the status, and a sentence that says what is wrong with the request and
/// what to do about it. The sentence never holds a value that was sent, only the names of fields.
public struct RequestProblem: Error, Sendable, Equatable {
  /// The status of the answer: 4xx, or 501 and 503 where RFC 9110 asks for them.
  public var status: Int
  /// One or two sentences for the person at the other end.
  public var sentence: String

  /// Makes a problem, also one of the application's own (404, 405), to be drawn by the same page.
  public init(status: Int, sentence: String) {
    self.status = status
    self.sentence = sentence
  }

  static func badRequest(_ sentence: String) -> RequestProblem { RequestProblem(status: 400, sentence: sentence) }
  static func tooLarge(_ sentence: String) -> RequestProblem { RequestProblem(status: 413, sentence: sentence) }

  /// The answer without a page of the application: the sentence as plain text.
  public var plainResponse: Response {
    Response.text(sentence + "\n", status: status).withHeader("X-Content-Type-Options", "nosniff")
  }

  /// A name that a client chose, fit for a sentence: short, and without control characters.
  static func quoted(_ name: String) -> String {
    let shown = name.unicodeScalars.filter { !$0.properties.isDefaultIgnorableCodePoint && $0.value >= 0x20 }
    let text = String(String.UnicodeScalarView(shown.prefix(48)))
    return "“\(text)\(shown.count > 48 ? "…" : "")”"
  }
}

extension RequestProblem {
  static let tooManyHeaders = RequestProblem(
    status: 431,
    sentence: "The request has too many or too long header fields. Delete this site's cookies and try again.")
  static let stopping = RequestProblem(
    status: 503, sentence: "The server is being stopped. Try again in a moment.")
  static let busy = RequestProblem(
    status: 503, sentence: "The server is receiving too much data at once. Try again in a moment.")

  /// `bytes` in the unit that people use for files.
  static func size(_ bytes: Int) -> String {
    switch bytes {
    case (1 << 20)... where bytes % (1 << 20) == 0: "\(bytes >> 20) MiB"
    case 1024...: "\(bytes >> 10) KiB"
    default: "\(bytes) bytes"
    }
  }
}
