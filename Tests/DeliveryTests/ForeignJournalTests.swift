import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("A journal that Reroot did not write", .timeLimit(.minutes(1)))
struct ForeignJournalTests {
  private static let id = ".reroot-0123456789abcdef"
  private static let journal = id + ".journal"
  private static let pointer = id + ".pointer"

  /// A journal that would have an old content put onto `victim`, in `folder`.
  private static func text(_ folder: String, name: String = "victim", old: String = id + ".0.old", version: Int = 1)
    -> String
  {
    let digest = SecretBytes(utf8: "content").sha256Hex
    return """
      {"version":\(version),"entries":[{"folder":"\(folder)","name":"\(name)","new":"\(id).0.new","old":"\(old)",\
      "newDigest":"\(digest)"}]}
      """
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let prepare: @Sendable (TestFolder) throws -> Void
    var testDescription: String { name }
  }

  static let rows: [Row] = [
    Row(name: "that others could read", code: "RECOVERY_NOT_TRUSTED") {
      try $0.write(text($0.path), to: journal, mode: 0o640)
    },
    Row(name: "that others could write", code: "RECOVERY_NOT_TRUSTED") {
      try $0.write(text($0.path), to: journal, mode: 0o602)
    },
    Row(name: "with a second name", code: "RECOVERY_NOT_TRUSTED") {
      try $0.write(text($0.path), to: journal, mode: 0o600)
      link($0.path(journal), $0.path("second"))
    },
    Row(name: "that is a link", code: "RECOVERY_NOT_TRUSTED") {
      try $0.write(text($0.path), to: "elsewhere", mode: 0o600)
      try $0.link(journal, to: "elsewhere")
    },
    Row(name: "that is a folder", code: "RECOVERY_NOT_TRUSTED") { try $0.folder(journal) },
    Row(name: "that is empty", code: "RECOVERY_IMPOSSIBLE") { try $0.write("", to: journal, mode: 0o600) },
    Row(name: "that is no JSON", code: "RECOVERY_IMPOSSIBLE") { try $0.write("{", to: journal, mode: 0o600) },
    Row(name: "of a later version", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, version: 2), to: journal, mode: 0o600)
    },
    Row(name: "that leads out of its folder", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, name: "../victim"), to: journal, mode: 0o600)
    },
    Row(name: "that leads out of its folder by a slash with an accent", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, name: "sub/\u{301}victim"), to: journal, mode: 0o600)
    },
    Row(name: "that means the folder itself", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, name: ".."), to: journal, mode: 0o600)
    },
    Row(name: "whose old content has another name", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, old: "secret"), to: journal, mode: 0o600)
    },
    Row(name: "whose old content is another replacement's", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text($0.path, old: ".reroot-fedcba9876543210.0.old"), to: journal, mode: 0o600)
    },
    Row(name: "with a relative folder", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write(text("etc"), to: journal, mode: 0o600)
    },
    Row(name: "of which a pointer by others tells", code: "RECOVERY_NOT_TRUSTED") {
      try $0.write("{\"folder\":\"/etc\",\"inode\":1}", to: pointer, mode: 0o644)
    },
    Row(name: "of which a damaged pointer tells", code: "RECOVERY_IMPOSSIBLE") {
      try $0.write("{}", to: pointer, mode: 0o600)
    },
  ]

  @Test("is not obeyed, and everything stays as it is until a person has looked", arguments: rows)
  func refused(row: Row) async throws {
    try await expectRefusal(row.code, row.prepare)
  }

  @Test("but another user did is not obeyed either", .enabled(if: isRoot, "giving away takes root"))
  func ofAnotherUser() async throws {
    try await expectRefusal("RECOVERY_NOT_TRUSTED") { folder in
      try folder.write(Self.text(folder.path), to: Self.journal, mode: 0o600)
      try folder.giveAway(Self.journal, to: 65_534, group: 65_534)
    }
  }

  private func expectRefusal(_ code: String, _ prepare: (TestFolder) throws -> Void) async throws {
    let folder = try TestFolder()
    let victim = try folder.write("content", to: "victim", mode: 0o600)
    try folder.write("forged", to: Self.id + ".0.old", mode: 0o600)
    try folder.write("secret", to: "secret", mode: 0o600)
    try prepare(folder)
    let before = try folder.picture()
    let access = TargetAccess.local()
    let recovery = await failure { _ = try await access.recover([victim]) }
    #expect(recovery?.code == code, "\(recovery?.description ?? "obeyed")")
    #expect(recovery?.failure.sentence.contains(folder.path) == true)
    let change = FileChange(path: victim, content: SecretBytes(utf8: "new"), mode: 0o600)
    #expect(await failure { try await access.replace([change]) }?.code == code)
    #expect(try folder.picture() == before)
  }
}
