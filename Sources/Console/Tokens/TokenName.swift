/// What a token may be called, by whichever way it is made.
public enum TokenName {
  /// The rule, in a sentence.
  public static let rule = "Give a name of 1 to 64 characters on one line."

  /// The name as it is kept; nil for what cannot be one.
  public static func checked(_ given: String) -> String? { Credentials.name(given) }
}
