/// The fields and files of a form or of a query, in the order in which they were sent.
public struct Form: Sendable {
  /// The text fields.
  public let fields: [(name: String, value: String)]
  /// The uploaded files, at most one under each name. A file field in which nothing was chosen is not among them.
  public let files: [UploadedFile]

  /// Makes a form from pairs.
  public init(fields: [(String, String)] = []) {
    self.init(fields: fields, files: [])
  }

  init(fields: [(String, String)], files: [UploadedFile]) {
    self.fields = fields.map { (name: $0.0, value: $0.1) }
    self.files = files
  }

  /// The value of the first field of this name.
  public subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

  /// The names of the fields, in their order, each as often as it comes.
  public var names: [String] { fields.map(\.name) }

  /// The names of the fields that hold files.
  public var fileNames: [String] { files.map(\.name) }

  /// The values of all fields of this name, for check boxes and lists.
  public func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  /// The file that was uploaded under this name.
  public func file(_ name: String) -> UploadedFile? { files.first { $0.name == name } }
}

/// Values stay out of descriptions: a password may be among them.
extension Form: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The names of the fields and files.
  public var description: String {
    "Form(fields: \(fields.map(\.name)), files: \(files.map(\.name)))"
  }
  /// The same as ``description``.
  public var debugDescription: String { description }
  /// Hides the values from `dump` and from interpolation of what contains the form.
  public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}

/// One file of a `multipart/form-data` body.
public struct UploadedFile: Sendable {
  /// The name of the form's field.
  public let name: String
  /// The last component of the name that the client gave, without control characters, at most 255 bytes. It is for
  /// showing, never for a path.
  public let fileName: String
  /// The media type that the client gave, in lower case; `application/octet-stream` when it gave none.
  public let contentType: String
  /// The content.
  public let bytes: [UInt8]

  /// Makes a file by hand, for tests of handlers.
  public init(name: String, fileName: String, contentType: String = "application/octet-stream", bytes: [UInt8]) {
    self.name = name
    self.fileName = UploadedFile.cleaned(fileName)
    self.contentType = contentType
    self.bytes = bytes
  }

  /// RFC 7578, section 4.2: a receiver drops directories from file names. Both kinds of slash count, as some
  /// clients send a Windows path.
  static func cleaned(_ name: String) -> String {
    let last = name.unicodeScalars.split(omittingEmptySubsequences: false) { $0 == "/" || $0 == "\\" }.last
    let visible = (last ?? "".unicodeScalars[...]).filter { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: false
      default: true
      }
    }
    var kept = String(String.UnicodeScalarView(visible))
    while kept.utf8.count > 255 { kept.removeLast() }
    return kept == "." || kept == ".." ? "" : kept
  }
}
