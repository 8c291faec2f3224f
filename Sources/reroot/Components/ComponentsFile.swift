import Console
import Foundation
import Store

/// A file of components, for the commands that take one.
enum ComponentsFile {
  /// The text of the file, for whoever applies it.
  static func bytes(_ file: String) throws -> [UInt8] { Array(try read(file).utf8) }

  /// Applies the file and says in words what was done.
  static func apply(_ file: String, to store: Store) async throws -> String {
    let text = try read(file)
    let name = file == "-" ? "Standard input" : file
    let act = AuditAct(.componentsImported, by: .commandLine(uid: getuid()), on: name)
    return try await refusing(name) {
      ComponentImport.sentence(
        try await store.recording(act) { try await ComponentImport.apply(text, to: store) })
    }
  }

  /// What the file would change.
  static func difference(_ file: String, in store: Store) async throws -> [ComponentDifference] {
    let text = try read(file)
    return try await refusing(file == "-" ? "Standard input" : file) {
      try await ComponentImport.difference(text, in: store)
    }
  }

  private static func refusing<Value>(_ name: String, _ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let refusal as YAMLRefusal {
      let problems = refusal.problems.map { "\n  \($0.description)" }.joined()
      throw ConsoleError(code: "COMPONENTS_REFUSED", sentence: "\(name) was not applied:\(problems)")
    }
  }

  /// One byte more than may be read, so that a list which is too long is refused and not cut.
  private static let limit = (1 << 20) + 1

  private static func read(_ file: String) throws -> String {
    let bytes =
      try file == InputFile.standardInputName
      ? InputFile.standardInput(limit: Self.limit)
      : InputFile.read(file, limit: Self.limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConsoleError(code: "NOT_UTF8", sentence: "\(file) is no text in UTF-8.")
    }
    return text
  }
}
