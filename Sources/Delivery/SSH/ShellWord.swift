/// Text as one word of a POSIX shell. Everything that is sent to another machine is quoted here and nowhere else.
enum ShellWord {
  /// The word in single quotes, in which nothing has a meaning but the quote itself (POSIX, Shell Command Language, 2.2.2).
  ///
  /// Scalar by scalar, as a shell reads it: a quote and the accent behind it are one `Character`, which equals none.
  static func quoted(_ text: String) -> String {
    "'" + text.unicodeScalars.map { $0 == "'" ? #"'\''"# : String($0) }.joined() + "'"
  }

  /// Several words, with spaces between them.
  static func quoted(_ texts: [String]) -> String { texts.map(quoted).joined(separator: " ") }
}
