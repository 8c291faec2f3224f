/// Chooses how a body is read by its `Content-Type`.
enum FormReader {
  /// Nil when the body is not a form.
  static func form(
    of body: [UInt8], headers: Headers, limits: FormLimits
  ) throws(RequestProblem) -> Form? {
    let types = headers.all("content-type")
    guard types.count <= 1 else { throw .badRequest("The request has two Content-Type headers.") }
    guard let text = types.first else {
      guard body.isEmpty else {
        throw RequestProblem(status: 415, sentence: "The request has a body without a Content-Type header.")
      }
      return nil
    }
    let name = Headers.trimmed(String(text.prefix { $0 != ";" })).lowercased()
    switch name {
    case "application/x-www-form-urlencoded":
      return try URLEncodedForm.parse(body, limits: limits, place: "form")
    case "multipart/form-data":
      guard let type = HeaderParameters(text), let boundary = type["boundary"] else {
        throw .badRequest("The form's Content-Type header names no boundary, or names it wrongly.")
      }
      guard isBoundary(boundary) else {
        throw .badRequest("The form's boundary must be 1 to 70 characters of those that RFC 2046 allows.")
      }
      return try MultipartForm.parse(body, boundary: boundary, limits: limits)
    case _ where name.hasPrefix("multipart/"):
      throw RequestProblem(status: 415, sentence: "Of multipart bodies this server reads only multipart/form-data.")
    default:
      return nil
    }
  }

  /// RFC 2046, section 5.1.1: `bchars`, not ending with a space.
  private static func isBoundary(_ text: String) -> Bool {
    let others = Array("'()+_,-./:=? ".utf8)
    return (1...70).contains(text.utf8.count) && text.last != " "
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || others.contains($0)
      }
  }
}
