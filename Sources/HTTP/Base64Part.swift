import Foundation

/// The content of a part that is encoded for transfer in Base64 (RFC 2045, section 6.8).
///
/// Nobody should send one (RFC 7578, section 4.7), but Ansible's module `uri` sends every file so.
enum Base64Part {
  /// The bytes; line breaks count for nothing, anything else that is not of the alphabet is refused.
  static func decoded(_ content: ArraySlice<UInt8>, of name: String) throws(RequestProblem) -> [UInt8] {
    let text = Data(content.lazy.filter { $0 != 0x0D && $0 != 0x0A })
    guard let bytes = Data(base64Encoded: text) else {
      throw .badRequest("The part \(RequestProblem.quoted(name)) of the form says that it is Base64, and is not.")
    }
    return Array(bytes)
  }
}
