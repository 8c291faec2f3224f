/// What went wrong with a certificate, a key, a file or a connection.
///
/// `sentence` is for the person in front of the page, `detail` for the log. Neither ever holds a secret.
public struct PKIError: Error, Sendable, Hashable, CustomStringConvertible {
  /// A stable word for programs, such as `CERTIFICATE_MALFORMED`.
  public let code: String
  /// What happened, to what, and what to do next.
  public let sentence: String
  /// OpenSSL's own error queue at that moment; empty where OpenSSL had nothing to say.
  public let detail: String

  /// An error with a code, a sentence and, where there is one, OpenSSL's account of it.
  public init(code: String, sentence: String, detail: String = "") {
    self.code = code
    self.sentence = sentence
    self.detail = detail
  }

  /// The sentence, with OpenSSL's account in brackets.
  public var description: String { detail.isEmpty ? sentence : "\(sentence) [\(detail)]" }
}
