import CMicroHTTPD

/// `multipart/form-data` (RFC 7578), read strictly from a body that is already there in full and is no larger than
/// the server's limit. libmicrohttpd's own parser works on pieces and accepts a body without a boundary, parts
/// without a name and bodies that end early; here each of them has its sentence.
struct MultipartForm {
  private let body: [UInt8]
  private let delimiter: [UInt8]
  private let limits: FormLimits
  private var position = 0
  private var fields: [(String, String)] = []
  private var files: [UploadedFile] = []
  private var fileNames: Set<String> = []

  private static let headerBytes = 4096

  /// - Parameter boundary: the parameter of the `Content-Type`, unquoted.
  static func parse(_ body: [UInt8], boundary: String, limits: FormLimits) throws(RequestProblem) -> Form {
    var parser = MultipartForm(body: body, boundary: boundary, limits: limits)
    try parser.parse()
    return Form(fields: parser.fields, files: parser.files)
  }

  private init(body: [UInt8], boundary: String, limits: FormLimits) {
    self.body = body
    self.delimiter = Array("\r\n--\(boundary)".utf8)
    self.limits = limits
  }

  private mutating func parse() throws(RequestProblem) {
    // The line break before the first delimiter belongs to it, but no browser sends it.
    if !skip(delimiter[...]), !skip(delimiter[2...]) {
      throw .badRequest("The form's body does not begin with the boundary that its header names.")
    }
    var parts = 0
    while try !endsHere() {
      parts += 1
      guard parts <= limits.parts else { throw .tooLarge("The form has more than \(limits.parts) parts.") }
      let header = try PartHeader(lines: headerLines(), limits: limits)
      guard let end = nextDelimiter() else { throw .cut }
      let content = body[position..<max(position, end)]
      try add(header, header.isBase64 ? Base64Part.decoded(content, of: header.name)[...] : content)
      position = end + delimiter.count
    }
  }

  /// After a delimiter stands either `--`, which ends the form, or a line break (RFC 2046, section 5.1.1).
  private mutating func endsHere() throws(RequestProblem) -> Bool {
    if skip([0x2D, 0x2D]) {
      guard body[position...].allSatisfy({ $0 == 0x0D || $0 == 0x0A || $0 == 0x20 || $0 == 0x09 }) else {
        throw .badRequest("The form's body goes on after its end.")
      }
      return true
    }
    while position < body.count, body[position] == 0x20 || body[position] == 0x09 { position += 1 }
    guard skip([0x0D, 0x0A]) else {
      if position == body.count { throw .cut }
      throw .badRequest("The form's body has a boundary that is followed by something else than a line break.")
    }
    return false
  }

  private mutating func headerLines() throws(RequestProblem) -> [ArraySlice<UInt8>] {
    var lines: [ArraySlice<UInt8>] = []
    let limit = min(body.count, position + MultipartForm.headerBytes)
    while true {
      guard let end = body[position..<limit].firstIndex(of: 0x0A) else {
        if limit == body.count { throw .cut }
        throw .tooLarge("A part of the form has a header longer than \(MultipartForm.headerBytes) bytes.")
      }
      guard end > position, body[end - 1] == 0x0D else {
        throw .badRequest("A part of the form has a header line that ends without a carriage return.")
      }
      let line = body[position..<end - 1]
      position = end + 1
      if line.isEmpty { return lines }
      lines.append(line)
    }
  }

  private mutating func add(_ header: PartHeader, _ content: ArraySlice<UInt8>) throws(RequestProblem) {
    let shown = RequestProblem.quoted(header.name)
    guard let fileName = header.fileName else {
      guard content.count <= limits.fieldBytes else {
        throw .tooLarge("The field \(shown) of the form is longer than \(RequestProblem.size(limits.fieldBytes)).")
      }
      guard !content.contains(0) else { throw .badRequest("The field \(shown) of the form has a NUL character in it.") }
      guard let text = String(validating: content, as: UTF8.self) else {
        throw .badRequest("The field \(shown) of the form is not valid UTF-8.")
      }
      fields.append((header.name, text))
      return
    }
    guard content.count <= limits.fileBytes else {
      throw .tooLarge(
        "The file under \(shown) is larger than \(RequestProblem.size(limits.fileBytes)). Choose a smaller file.")
    }
    guard fileNames.insert(header.name).inserted else {
      throw .badRequest("The form has two files under the same name, \(shown). Choose one file.")
    }
    // What a browser sends for a file field in which nothing was chosen.
    if fileName.isEmpty && content.isEmpty { return }
    files.append(
      UploadedFile(
        name: header.name, fileName: fileName, contentType: header.contentType, bytes: Array(content)))
  }

  private mutating func skip(_ expected: some Collection<UInt8>) -> Bool {
    guard body[position...].starts(with: expected) else { return false }
    position += expected.count
    return true
  }

  /// Where the next delimiter begins. A part may end with its header: then the empty line is at the same time the
  /// delimiter's line break (RFC 2046, section 5.1.1, `body-part`), so the search starts there.
  private func nextDelimiter() -> Int? {
    let start = position - 2
    let found = body[start...].withUnsafeBytes { bytes in
      delimiter.withUnsafeBytes { reroot_find(bytes.baseAddress, bytes.count, $0.baseAddress, $0.count) }
    }
    return found >= 0 ? start + found : nil
  }
}

extension RequestProblem {
  fileprivate static let cut = RequestProblem.badRequest(
    "The form's body ends before its last boundary. The upload was cut off; send it again.")
}
