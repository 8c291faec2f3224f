import Console
import Foundation

/// What the server found wrong with a value, under the name by which the value was given on the command line.
enum GivenName {
  /// The name for a place in a request: the option, where there is one that was given; otherwise the member or the field, and
  /// the JSON Pointer of what lies deeper.
  static func of(_ pointer: String, _ arguments: [String] = CommandLine.arguments) -> String {
    guard let name = pointer.split(separator: "/", omittingEmptySubsequences: false).last, !name.isEmpty else {
      return ""
    }
    let option = "--" + name.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    if arguments.contains(where: { $0 == option || $0.hasPrefix(option + "=") }) { return option }
    return pointer.lastIndex(of: "/").map { $0 == pointer.startIndex } == true ? String(name) : pointer
  }

  /// The sentence with the name in front; as it is where it is of the whole.
  static func sentence(_ error: JSONValue, _ arguments: [String] = CommandLine.arguments) -> String? {
    guard let sentence = error["detail"]?.text else { return nil }
    let name = of(error["pointer"]?.text ?? "", arguments)
    return name.isEmpty ? sentence : "\(name): \(sentence)"
  }
}
