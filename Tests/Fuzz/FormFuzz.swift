@testable import Console
@testable import HTTP
@testable import PKI

/// Reads bodies of forms: the first byte chooses how. What is taken must be within the limits and read back to the same.
enum FormFuzz {
  private static let limits = FormLimits(fieldBytes: 512, fileBytes: 1024, parts: 16)

  static func read(_ bytes: [UInt8]) {
    guard let choice = bytes.first else { return }
    let body = Array(bytes.dropFirst())
    switch choice % 3 {
    case 0: urlEncoded(body)
    case 1: multipart(body, type: "multipart/form-data; boundary=B")
    default:
      // The header is hostile as well: it ends with the first line.
      let end = body.firstIndex(of: 0x0A) ?? body.endIndex
      multipart(Array(body[end...].dropFirst()), type: String(decoding: body[..<end], as: UTF8.self))
    }
  }

  private static func urlEncoded(_ body: [UInt8]) {
    let headers = Headers([("Content-Type", "application/x-www-form-urlencoded")])
    guard let form = try? FormReader.form(of: body, headers: headers, limits: limits) else { return }
    check(form)
    let text = form.fields.map { encoded($0.name) + "=" + encoded($0.value) }.joined(separator: "&")
    guard let again = try? FormReader.form(of: Array(text.utf8), headers: headers, limits: limits) else {
      fatalError("Broken promise: a form reads back")
    }
    // “a&b=” has a field without a name and a value in neither reading.
    require(again.fields.map(\.name) == form.fields.map(\.name), "names read back")
    require(again.fields.map(\.value) == form.fields.map(\.value), "values read back")
  }

  private static func multipart(_ body: [UInt8], type: String) {
    guard let form = try? FormReader.form(of: body, headers: Headers([("Content-Type", type)]), limits: limits)
    else { return }
    check(form)
    for file in form.files {
      require(file.bytes.count <= limits.fileBytes, "a file is within its limit")
      require(!file.fileName.contains { $0 == "/" || $0 == "\\" }, "a file's name has no folder")
      require(file.fileName != "." && file.fileName != "..", "a file's name is a name")
      require(!file.fileName.unicodeScalars.contains { $0.value < 0x20 }, "a file's name is one line")
      require(UploadedFile.cleaned(file.fileName) == file.fileName, "a cleaned name stays")
    }
    require(Set(form.files.map(\.name)).count == form.files.count, "one file to a name")
  }

  private static func check(_ form: Form) {
    require(form.fields.count + form.files.count <= limits.parts, "a form has no more parts than allowed")
    for field in form.fields {
      require(field.value.utf8.count <= limits.fieldBytes, "a field is within its limit")
      require(!field.value.utf8.contains(0), "a field has no NUL")
      require(field.name.utf8.count <= limits.nameBytes, "a name is within its limit")
    }
    _ = ComponentForm(form).component(id: .init(rawValue: 0))
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
