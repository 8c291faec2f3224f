/// Text as one word of a POSIX shell. Everything that is sent to another machine is quoted here and nowhere else.
enum ShellWord {
  /// The word in single quotes, in which nothing has a meaning but the quote itself (POSIX, Shell Command Language, 2.2.2).
  static func quoted(_ text: String) -> String {
    "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
  }

  /// Several words, with spaces between them.
  static func quoted(_ texts: [String]) -> String { texts.map(quoted).joined(separator: " ") }
}
