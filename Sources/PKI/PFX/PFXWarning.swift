/// Something about an acceptable file that an administrator should know before the import.
public struct PFXWarning: Sendable, Hashable, Codable {
  /// A stable word for programs, such as `NO_KEY_USAGE`.
  public let code: String
  /// What it means here.
  public let sentence: String

  init(_ code: String, _ sentence: String) {
    self.code = code
    self.sentence = sentence
  }
}
