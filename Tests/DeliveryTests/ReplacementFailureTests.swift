import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("A replacement that fails", .timeLimit(.minutes(1)))
struct ReplacementFailureTests {
  private func change(_ path: String, _ text: String = "new", mode: FileMode = 0o644) -> FileChange {
    FileChange(path: path, content: SecretBytes(utf8: text), mode: mode)
  }

  @Test("at any step puts everything back; once it is done nothing can make it fail any more")
  func everyStep() async throws {
    let after = try await SampleChange.after()
    for number in 0..<(try await SampleChange.countSteps()) {
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      let steps = Collected<ReplacementStep>()
      let failure = await failure {
        try await sample.perform { step in
          steps.append(step)
          if steps.all.count == number + 1 {
            throw DeliveryFailure(code: "TRIED", sentence: "A disk broke.", advice: "")
          }
        }
      }
      let isDone = steps.all.contains(.committed)
      #expect(failure?.code == (isDone ? nil : "TRIED"), "step \(number)")
      #expect(try sample.folder.picture() == (isDone ? after : before), "step \(number): \(steps.all)")
    }
  }

  @Test("because a folder has come in the place of a file puts the others back")
  func folderInTheWay() async throws {
    let sample = try SampleChange()
    let chain = sample.folder.path("tls/chain.pem")
    let before = try sample.folder.picture()
    let failure = await failure {
      try await sample.perform { step in
        guard step == .journalled else { return }
        unlink(chain)
        mkdir(chain, 0o755)
      }
    }
    #expect(failure?.code == "FOLDER_IN_THE_WAY")
    #expect(try sample.folder.traces() == [])
    rmdir(chain)
    try sample.folder.write("old chain", to: "tls/chain.pem")
    #expect(try sample.folder.picture() == before)
  }

  @Test("puts back an old file that is larger than what is ever written here")
  func largeOldFile() async throws {
    let folder = try TestFolder()
    try folder.write(String(repeating: "x", count: TargetFile.maximumBytes + 1), to: "large")
    try folder.write("old", to: "small")
    let before = try folder.picture()
    let failed = await failure {
      try await TargetAccess.local(observe: { step in
        if step == .synced { throw DeliveryFailure(code: "TRIED", sentence: "", advice: "") }
      }).replace([change(folder.path("small")), change(folder.path("large"))])
    }
    #expect(failed?.code == "TRIED", "\(failed?.description ?? "")")
    #expect(try folder.picture() == before)
  }

  @Test("leaves a file alone that somebody else has put there meanwhile")
  func changedMeanwhile() async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "a")
    try folder.write("old", to: "b")
    try folder.write("old", to: "c")
    let paths = ["a", "b", "c"].map(folder.path)
    let code = await code {
      try await TargetAccess.local(observe: { step in
        guard step == .synced else { return }
        try folder.write("theirs", to: "a")
        try folder.link("c", to: "b")
        throw DeliveryFailure(code: "TRIED", sentence: "", advice: "")
      }).replace([change(paths[0]), change(paths[1]), FileChange(path: paths[2], content: nil, mode: 0)])
    }
    #expect(code == "TRIED")
    #expect(try folder.text("a") == "theirs")
    #expect(try folder.text("b") == "old")
    #expect(try folder.picture()["c"]?.content == "-> b")
    #expect(try folder.traces() == [])
  }

  @Test("for lack of space says so and leaves everything as it was")
  func noSpace() async throws {
    // In a process of its own, because the limit is the whole process's. It cuts a write short as a full disk does.
    await #expect(processExitsWith: .success) {
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit(rlim_cur: 100_000, rlim_max: rlim_t.max)
      #expect(setrlimit(__rlimit_resource_t(1), &limit) == 0)
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      var changes = SampleChange.changes(in: sample.folder.path)
      changes[2].content = SecretBytes(utf8: String(repeating: "x", count: 200_000))
      let failed = await failure { [changes] in try await TargetAccess.local().replace(changes) }
      #expect(failed?.code == "FILE_TOO_LARGE", "\(failed?.description ?? "")")
      #expect(failed?.failure.sentence.contains(sample.folder.path("tls/chain.pem")) == true)
      #expect(try sample.folder.picture() == before)
    }
  }

  @Test("in a folder that may not be written to changes nothing", .timeLimit(.minutes(1)))
  func readOnlyFolder() async throws {
    let sample = try SampleChange()
    chmod(sample.folder.path("tls"), 0o555)
    let before = try sample.folder.picture()
    let path = sample.folder.path
    await #expect(processExitsWith: .success) { [path = path as String] in
      // Nothing stops root from writing to it.
      try await unprivileged {
        chmod(path, 0o755)
        let access = TargetAccess.local()
        let failed = await failure { try await access.replace(SampleChange.changes(in: path)) }
        #expect(failed?.code == "ACCESS_DENIED", "\(failed?.description ?? "")")
        let check = await failure { try await access.checkWritable(path + "/tls/chain.pem") }
        #expect(check?.code == "ACCESS_DENIED", "\(check?.description ?? "")")
        #expect(check?.failure.sentence.contains(path + "/tls") == true)
      }
    }
    #expect(try sample.folder.picture() == before)
    chmod(sample.folder.path("tls"), 0o755)
  }

  @Test("because the owner is not allowed says who may not give what to whom")
  func ownerNotAllowed() async throws {
    let folder = try TestFolder()
    let before = try folder.picture()
    chmod(folder.path, 0o777)
    await #expect(processExitsWith: .success) { [path = folder.path as String] in
      try await unprivileged {
        let access = TargetAccess.local()
        var change = FileChange(path: path + "/a", content: SecretBytes([]), mode: 0o644)
        change.owner = "daemon"
        let failed = await failure { [change] in try await access.replace([change]) }
        #expect(failed?.code == "OWNER_NOT_ALLOWED", "\(failed?.description ?? "")")
        #expect(failed?.failure.sentence.contains("daemon") == true)
        for (owner, group, expected) in [
          ("daemon", nil, "OWNER_NOT_ALLOWED"), (nil, "daemon", "OWNER_NOT_ALLOWED"),
          (String(geteuid()), String(getegid()), nil),
        ] as [(String?, String?, String?)] {
          let found = await code { try await access.checkOwner(owner, group) }
          #expect(found == expected, "\(owner ?? "-"), \(group ?? "-"): \(found ?? "allowed")")
        }
      }
    }
    #expect(try folder.picture() == before)
  }

  /// A file that cannot be replaced, and why.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let path: String
    var owner: String?
    var group: String?
    let prepare: @Sendable (TestFolder) throws -> Void
    var testDescription: String { name }
  }

  static let refusals = [
    Refusal(name: "a folder that does not exist", code: "FOLDER_MISSING", path: "no/a") { _ in },
    Refusal(name: "a file where a folder is needed", code: "NOT_A_FOLDER", path: "f/a") { try $0.write("", to: "f") },
    Refusal(name: "a folder where a file is needed", code: "FOLDER_IN_THE_WAY", path: "d") { try $0.folder("d") },
    Refusal(name: "a link to a folder", code: "FOLDER_IN_THE_WAY", path: "l") {
      try $0.folder("d")
      try $0.link("l", to: "d/")
    },
    Refusal(name: "a pipe", code: "NOT_A_FILE", path: "p") { mkfifo($0.path("p"), 0o600) },
    Refusal(name: "a link to itself", code: "LINK_LOOP", path: "l") { try $0.link("l", to: "l") },
    Refusal(name: "a name of 256 bytes", code: "NAME_TOO_LONG", path: String(repeating: "n", count: 256)) { _ in },
    Refusal(name: "an unknown user", code: "OWNER_UNKNOWN", path: "a", owner: "no-such-user") { _ in },
    Refusal(name: "an unknown group", code: "GROUP_UNKNOWN", path: "a", group: "no-such-group") { _ in },
    Refusal(name: "a path that is a folder's", code: "PATH_INVALID", path: "d/") { try $0.folder("d") },
    Refusal(name: "a path that ends in two dots", code: "PATH_INVALID", path: "d/..") { try $0.folder("d") },
  ]

  @Test("says why, whichever of its files is the cause, and leaves the others as they were", arguments: refusals)
  func refused(row: Refusal) async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "first")
    try row.prepare(folder)
    let before = try folder.picture()
    var bad = change(folder.path(row.path))
    bad.owner = row.owner
    bad.group = row.group
    let failure = await failure { [bad] in
      try await TargetAccess.local().replace([change(folder.path("first")), bad])
    }
    #expect(failure?.code == row.code, "\(failure?.description ?? "nothing")")
    #expect(failure?.failure.advice.isEmpty == false)
    #expect(try folder.picture() == before)
  }

  @Test("because a content is larger than 1 MiB changes nothing, and one of 1 MiB is written")
  func tooLarge() async throws {
    let folder = try TestFolder()
    let path = try folder.write("old", to: "a")
    let access = TargetAccess.local()
    let most = String(repeating: "x", count: TargetFile.maximumBytes)
    #expect(await code { try await access.replace([change(path, most + "x")]) } == "FILE_TOO_LARGE")
    #expect(try folder.text("a") == "old")
    try await access.replace([change(path, most)])
    #expect(try folder.text("a") == most)
  }

  @Test("on a path that is not absolute is refused", arguments: ["", "a", "./a", "/", "a/b"])
  func relative(path: String) async {
    #expect(await code { try await TargetAccess.local().replace([change(path)]) } == "PATH_INVALID")
  }
}
