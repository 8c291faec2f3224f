import Foundation
import Testing

@testable import PKI

@Suite("A file that is sealed as a whole") struct SecretsSealedFileTests {
  private static let passphrase = SecretBytes(utf8: "correct horse battery")
  /// As few rounds as are taken, since not their work is tried here.
  private static func quick() throws -> ScryptParameters {
    try #require(ScryptParameters(10, 8, 1, within: .backup))
  }

  private func seal(_ content: [UInt8]) throws -> [UInt8] {
    var file: [UInt8] = []
    let writer = try SealedFileWriter(passphrase: Self.passphrase, parameters: Self.quick()) { file += Array($0) }
    // In odd pieces, as they come.
    var rest = content[...]
    while !rest.isEmpty {
      try writer.append(Array(rest.prefix(40_001)))
      rest = rest.dropFirst(40_001)
    }
    try writer.finish()
    return file
  }

  private func open(_ file: [UInt8], _ passphrase: SecretBytes = Self.passphrase) throws -> [UInt8] {
    var rest = file[...]
    let reader = try SealedFileReader(passphrase: passphrase) { count in
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    var content: [UInt8] = []
    while let part = try reader.next() { content += part }
    return content
  }

  private func refusal(_ file: [UInt8], _ passphrase: SecretBytes = Self.passphrase) -> String? {
    do {
      _ = try open(file, passphrase)
      return nil
    } catch {
      return (error as? PKIError)?.code ?? "\(error)"
    }
  }

  private static let chunk = SealedFile.chunkCount

  @Test(
    "What is read is what was written, at every length around the parts'",
    arguments: [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 7])
  func lengths(_ count: Int) throws {
    let content = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let file = try seal(content)
    #expect(try open(file) == content)
    #expect(file.count == SealedFile.headCount + count + 16 * max(1, (count + Self.chunk - 1) / Self.chunk))
    if count > 64 { #expect(Data(file).range(of: Data(content[0..<32])) == nil) }
  }

  @Test("A file that is cut off anywhere is no whole one, and says that its end is missing where parts end")
  func cut() throws {
    let file = try seal([UInt8](repeating: 7, count: 3 * Self.chunk))
    let sealed = Self.chunk + 16
    for kept in [SealedFile.headCount, SealedFile.headCount + sealed, SealedFile.headCount + 2 * sealed, 20, 80] {
      #expect(refusal(Array(file.prefix(kept))) == "BACKUP_CUT_SHORT", "\(kept) bytes kept")
    }
    for kept in [SealedFile.headCount + 1, SealedFile.headCount + sealed + 5, file.count - 1] {
      #expect(refusal(Array(file.prefix(kept))) == "BACKUP_DAMAGED", "\(kept) bytes kept")
    }
  }

  @Test("Parts that are exchanged, repeated, left out, or taken from another file do not open")
  func moved() throws {
    let content = (0..<3 * Self.chunk + 9).map { UInt8(truncatingIfNeeded: $0 / Self.chunk) }
    let (file, other) = (try seal(content), try seal(content))
    func parts(_ file: [UInt8]) -> (head: [UInt8], parts: [[UInt8]]) {
      let rest = Array(file[SealedFile.headCount...])
      let size = Self.chunk + 16
      return (
        Array(file[..<SealedFile.headCount]),
        stride(from: 0, to: rest.count, by: size).map { Array(rest[$0..<min(rest.count, $0 + size)]) }
      )
    }
    let (head, own) = parts(file)
    let foreign = parts(other).parts
    for order in [[1, 0, 2, 3], [0, 0, 2, 3], [0, 2, 3], [0, 1, 3], [3], [0, 1, 2, 3, 3]] {
      #expect(refusal(head + order.flatMap { own[$0] }) == "BACKUP_DAMAGED", "\(order)")
    }
    #expect(refusal(head + own[0] + foreign[1] + own[2] + own[3]) == "BACKUP_DAMAGED")
    #expect(refusal(parts(other).head + own.flatMap(\.self)) == "BACKUP_DAMAGED")
    #expect(refusal(file + [0]) == "BACKUP_DAMAGED")
  }

  @Test("One bit that is changed anywhere is noticed")
  func changed() throws {
    let file = try seal([UInt8](repeating: 1, count: 500))
    for position in stride(from: 0, to: file.count, by: 7) {
      var bad = file
      bad[position] ^= 0x10
      #expect(refusal(bad) != nil, "byte \(position)")
    }
  }

  @Test("A wrong passphrase, a foreign file and one of a later form are told apart")
  func refusals() throws {
    let file = try seal([1, 2, 3])
    #expect(refusal(file, SecretBytes(utf8: "correct horse batterz")) == "WRONG_PASSPHRASE")
    #expect(refusal(file, SecretBytes([])) == "WRONG_PASSPHRASE")
    #expect(refusal(Array("PK\u{3}\u{4} something else entirely".utf8)) == "NOT_A_BACKUP")
    #expect(refusal([]) == "NOT_A_BACKUP")
    #expect(refusal(Array("REROOT BACKUP 2\n".utf8) + file.dropFirst(16)) == "BACKUP_TOO_NEW")
  }

  @Test("A head that asks for more work than reading may cost is refused before any is done", arguments: [9, 19, 255])
  func work(_ power: UInt8) throws {
    var file = try seal([1, 2, 3])
    file[SealedFile.name.count] = power
    #expect(refusal(file) == "BACKUP_DAMAGED")
  }

  @Test(
    "A passphrase of less than 12 characters seals nothing",
    arguments: [("elevenchars", false), ("twelve chars", true), ("éééééééééééé", true), ("with a\u{0} in it", false)])
  func passphrases(_ text: String, _ isGood: Bool) throws {
    let made = try? SealedFileWriter(passphrase: SecretBytes(utf8: text), parameters: Self.quick()) { _ in }
    #expect((made != nil) == isGood)
  }
}
