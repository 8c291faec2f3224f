import ArgumentParser
import Foundation
import Testing

@testable import reroot

@Suite("A file that a command writes") struct OutputFileTests {
  private let folder: TemporaryFolder
  private var path: String { folder.path + "/file" }
  init() throws { folder = try TemporaryFolder() }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }

  @Test("is there once it is whole, and for its owner only")
  func whole() throws {
    let file = try OutputFile(path)
    try file.write(Array("one".utf8))
    #expect(!FileManager.default.fileExists(atPath: path))
    try file.write(Array("two".utf8))
    try file.finish()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "onetwo")
    #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    #expect(try names() == ["file"])
  }

  @Test("is not there at all, nor any part of it, when it was not finished")
  func broken() throws {
    try { try OutputFile(path).write(Array("one".utf8)) }()
    #expect(try names() == [])
  }

  @Test("takes no other file's place, whenever that has come")
  func taken() throws {
    let file = try OutputFile(path)
    _ = try folder.write("another's", to: "file")
    #expect(throws: ValidationError.self) { try OutputFile(path) }
    let failure = #expect(throws: CommandFailure.self) { try file.finish() }
    #expect(failure?.code == "FILE_UNWRITABLE")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "another's")
  }

  @Test("says which folder cannot take it")
  func nowhere() {
    #expect(throws: ValidationError.self) { try OutputFile(folder.path + "/none/file") }
  }
}
