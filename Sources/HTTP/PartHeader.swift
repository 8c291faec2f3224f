/// The header of one part of a form (RFC 7578, section 4).
struct PartHeader {
  let name: String
  /// Nil for a text field.
  let fileName: String?
  let contentType: String
  /// Whether the content is encoded in Base64.
  private(set) var isBase64 = false

  init(lines: [ArraySlice<UInt8>], limits: FormLimits) throws(RequestProblem) {
    var disposition: String?
    var type = "application/octet-stream"
    for line in lines {
      let (name, value) = try PartHeader.split(line)
      switch name {
      case "content-disposition":
        guard disposition == nil else { throw .badRequest("A part of the form has two Content-Disposition lines.") }
        disposition = value
      case "content-type":
        type = value.lowercased()
      case "content-transfer-encoding":
        isBase64 = value.lowercased() == "base64"
        guard isBase64 || ["7bit", "8bit", "binary"].contains(value.lowercased()) else {
          throw .badRequest("A part of the form is encoded for transfer, and not in Base64.")
        }
      default:
        // "MUST be ignored": RFC 7578, section 4.8.
        break
      }
    }
    guard let disposition, let parsed = HeaderParameters(disposition), parsed.value.lowercased() == "form-data" else {
      throw .badRequest("A part of the form has no “Content-Disposition: form-data” line.")
    }
    guard let name = parsed["name"].map(PartHeader.unescaped), !name.isEmpty else {
      throw .badRequest("A part of the form has no name.")
    }
    guard name.utf8.count <= limits.nameBytes else {
      throw .tooLarge("A part of the form has a name longer than \(limits.nameBytes) bytes.")
    }
    guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw .badRequest("A part of the form has a control character in its name.")
    }
    guard parsed["filename*"] == nil else {
      // "MUST NOT be used": RFC 7578, section 4.2. Two names for one file invite a choice between them.
      throw .badRequest("A part of the form has a “filename*”, which RFC 7578 does not allow.")
    }
    self.name = name
    self.fileName = parsed["filename"].map { UploadedFile.cleaned(PartHeader.unescaped($0)) }
    self.contentType = type
  }

  private static func split(_ line: ArraySlice<UInt8>) throws(RequestProblem) -> (name: String, value: String) {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")), HeaderGrammar.isToken(line[..<colon]),
      HeaderGrammar.isValue(line[(colon + 1)...])
    else { throw .badRequest("A part of the form has a header line that is not “name: value”.") }
    guard let value = String(validating: line[(colon + 1)...], as: UTF8.self) else {
      throw .badRequest("A part of the form has a header that is not valid UTF-8.")
    }
    let name = String(decoding: line[..<colon], as: UTF8.self)
    return (name.lowercased(), Headers([(name, value)]).first(name) ?? "")
  }

  /// Browsers write these three as percent escapes, and only these (HTML Standard, "multipart/form-data encoding
  /// algorithm").
  private static func unescaped(_ text: String) -> String {
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let sign = rest.firstIndex(of: "%") {
      result += rest[..<sign]
      rest = rest[sign...]
      let mark: Unicode.Scalar? =
        switch String(rest.prefix(3)).uppercased() {
        case "%22": "\""
        case "%0D": "\r"
        case "%0A": "\n"
        default: nil
        }
      result.append(mark ?? "%")
      rest = rest.dropFirst(mark == nil ? 1 : 3)
    }
    return String(result + rest)
  }
}

/// A header value with parameters: `form-data; name="file"; filename="root.pfx"`.
///
/// It is read by code points: a file's name may begin with an accent, which is one character with the mark before it.
struct HeaderParameters {
  let value: String
  private let parameters: [String: String]

  /// Nil when it does not follow the grammar or names a parameter twice.
  init?(_ text: String) {
    var rest = text.unicodeScalars[...]
    value = Headers.trimmed(String(rest.prefix { $0 != ";" }))
    rest = rest.drop { $0 != ";" }
    var parameters: [String: String] = [:]
    while rest.first == ";" {
      rest = rest.dropFirst().drop { $0 == " " || $0 == "\t" }
      if rest.isEmpty { break }
      let part = rest.prefix { $0 != "=" && $0 != ";" }
      let name = String(part)
      guard HeaderGrammar.isToken(name.utf8), rest[part.endIndex...].first == "=" else { return nil }
      rest = rest[part.endIndex...].dropFirst()
      guard let content = rest.first == "\"" ? HeaderParameters.quoted(&rest) : HeaderParameters.token(&rest) else {
        return nil
      }
      guard parameters.updateValue(content, forKey: name.lowercased()) == nil else { return nil }
      rest = rest.drop { $0 == " " || $0 == "\t" }
      guard rest.isEmpty || rest.first == ";" else { return nil }
    }
    self.parameters = parameters
  }

  subscript(_ name: String) -> String? { parameters[name] }

  private static func token(_ rest: inout Substring.UnicodeScalarView) -> String? {
    let part = rest.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
    let content = String(part)
    guard HeaderGrammar.isToken(content.utf8) else { return nil }
    rest = rest[part.endIndex...]
    return content
  }

  /// A backslash escapes a quotation mark and nothing else: browsers send those of Windows paths as they are.
  private static func quoted(_ rest: inout Substring.UnicodeScalarView) -> String? {
    var content = String.UnicodeScalarView()
    var remaining = rest.dropFirst()
    while let scalar = remaining.popFirst() {
      switch scalar {
      case "\"":
        rest = remaining
        return String(content)
      case "\\" where remaining.first == "\"":
        content.append("\"")
        remaining = remaining.dropFirst()
      default:
        content.append(scalar)
      }
    }
    return nil
  }
}
