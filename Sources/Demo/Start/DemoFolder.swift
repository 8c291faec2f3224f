import Foundation

/// The folder of a demo: the console's data, the sample system beside it, and the second root's file.
struct DemoFolder: Sendable {
  let path: String
  /// Whether it is removed when the demo ends.
  let isTemporary: Bool

  /// The folder given, made where it is missing; without one, a new temporary folder. Throws a ``SampleFailure``.
  init(_ given: String?) throws {
    if let given {
      path = URL(fileURLWithPath: given).standardizedFileURL.path
      isTemporary = false
      do {
        try FileManager.default.createDirectory(
          atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
      } catch {
        throw SampleFailure(
          "The folder \(path) cannot be made: \(error.localizedDescription) Give another one with --data.")
      }
    } else {
      // Mode 0700 (mkdtemp(3)), which writes the name that it has found into the array.
      var template = Array((FileManager.default.temporaryDirectory.path + "/reroot-demo-XXXXXX").utf8CString)
      guard mkdtemp(&template) != nil else {
        throw SampleFailure("No temporary folder can be made: \(systemError(errno)). Give a folder with --data.")
      }
      path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      isTemporary = true
    }
  }

  var data: String { "\(path)/console" }
  var system: String { "\(path)/sample-system" }
  func secondRoot(_ name: String) -> String { "\(path)/\(name).pfx" }

  func removeIfTemporary() {
    if isTemporary { try? FileManager.default.removeItem(atPath: path) }
  }
}
