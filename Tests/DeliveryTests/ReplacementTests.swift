import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Replaced as one", .timeLimit(.minutes(1)))
struct ReplacementTests {
  private let access = TargetAccess.local()

  private func change(_ path: String, _ text: String, mode: FileMode = 0o644) -> FileChange {
    FileChange(path: path, content: SecretBytes(utf8: text), mode: mode)
  }

  @Test("files get content and mode, keep their owner, and have nothing left beside them")
  func contentAndMode() async throws {
    let sample = try SampleChange()
    try await sample.perform()
    let picture = try sample.folder.picture()
    let rows: [(name: String, content: String, mode: UInt32)] = [
      ("tls/chain.pem", "new chain", 0o100644), ("tls/key.pem", SampleChange.key + "new", 0o100600),
      ("trust/roots-1.pem", "new bundle", 0o100644), ("trust/new.key", SampleChange.key + "first", 0o100400),
      ("tls/neighbour.txt", "of another program", 0o100664), ("tls/roots.pem", "-> ../trust/roots-1.pem", 0o120777),
    ]
    for row in rows {
      #expect(picture[row.name]?.content == row.content, "\(row.name)")
      #expect(picture[row.name]?.mode == row.mode, "\(row.name)")
      #expect(picture[row.name]?.owner == geteuid(), "\(row.name)")
    }
    #expect(Set(picture.keys) == Set(rows.map(\.name)).union(["tls", "trust"]))
  }

  @Test("a file is another file afterwards, so that a program that has the old one open goes on reading that")
  func newInode() async throws {
    let folder = try TestFolder()
    let path = try folder.write("old", to: "a.pem")
    let open = try #require(FileHandle(forReadingAtPath: path))
    try await access.replace([change(path, "new")])
    #expect(try open.readToEnd() == Data("old".utf8))
    #expect(try folder.text("a.pem") == "new")
  }

  @Test("the owner that is found is kept, and one that is named is set", .enabled(if: isRoot, "giving away takes root"))
  func owner() async throws {
    let folder = try TestFolder()
    for name in ["kept", "set", "group only"] {
      try folder.write("old", to: name)
      try folder.giveAway(name, to: 65_534, group: 1)
    }
    var named = change(folder.path("set"), "new")
    named.owner = "1"
    named.group = "2"
    var group = change(folder.path("group only"), "new")
    group.group = "2"
    var fresh = change(folder.path("fresh"), "new", mode: 0o600)
    fresh.owner = "daemon"
    try await access.replace([change(folder.path("kept"), "new"), named, group, fresh])
    let picture = try folder.picture()
    #expect(picture.mapValues(\.owner) == ["kept": 65_534, "set": 1, "group only": 65_534, "fresh": 1])
    #expect(picture.mapValues(\.group) == ["kept": 1, "set": 2, "group only": 2, "fresh": getegid()])
    #expect(picture.values.allSatisfy { $0.content == "new" })
  }

  @Test("no file with a key can be read by others at any step, whatever the umask", arguments: [0o000, 0o077, 0o777])
  func keysStaySecret(mask: Int) async throws {
    // In a process of its own, because a process has one umask.
    await #expect(processExitsWith: .success) { [mask = mask as Int] in
      let sample = try SampleChange()
      umask(mode_t(mask))
      let seen = Counter()
      try await sample.perform { step in
        for (name, file) in try sample.folder.picture() where file.mode & UInt32(S_IFMT) == UInt32(S_IFREG) {
          let isKey = file.content.contains("PRIVATE KEY") || file.content.isEmpty
          guard isKey || name.hasSuffix(".journal") || name.hasSuffix(".pointer") else { continue }
          seen.next()
          #expect(file.mode & 0o077 == 0, "\(name) after \(step)")
        }
      }
      #expect(seen.value > 30)
      #expect(try sample.folder.picture()["tls/chain.pem"]?.mode == 0o100644)
    }
  }

  @Test("a link stays and the file behind it is replaced, over several links, relative and absolute ones")
  func links() async throws {
    let folder = try TestFolder()
    try folder.folder("real")
    try folder.folder("etc")
    try folder.write("old", to: "real/7.pem")
    try folder.link("etc/direct.pem", to: folder.path("real/7.pem"))
    try folder.link("etc/over.pem", to: "direct.pem")
    try folder.link("through", to: "etc")
    try folder.link("etc/dangling.pem", to: "../real/not yet.pem")
    try await access.replace([
      change(folder.path("through/over.pem"), "new"), change(folder.path("etc/dangling.pem"), "made"),
    ])
    #expect(try folder.text("real/7.pem") == "new")
    #expect(try folder.text("real/not yet.pem") == "made")
    let picture = try folder.picture()
    #expect(picture["etc/direct.pem"]?.content == "-> " + folder.path("real/7.pem"))
    #expect(picture["etc/over.pem"]?.content == "-> direct.pem")
    #expect(picture["etc/dangling.pem"]?.content == "-> ../real/not yet.pem")
    #expect(picture["through"]?.content == "-> etc")
    #expect(try folder.traces() == [])
  }

  @Test("removing what is not there is no failure, not even without its folder")
  func removalOfNothing() async throws {
    let folder = try TestFolder()
    try await access.replace([
      FileChange(path: folder.path("no file"), content: nil, mode: 0),
      FileChange(path: folder.path("no folder/no file"), content: nil, mode: 0),
    ])
    try await access.replace([])
    #expect(try folder.picture().isEmpty)
  }

  @Test("an empty content makes an empty file")
  func empty() async throws {
    let folder = try TestFolder()
    try await access.replace([change(try folder.write("old", to: "a"), "", mode: 0o640)])
    #expect(try folder.picture()["a"] == Pictured(mode: 0o100640, owner: geteuid(), group: getegid(), content: ""))
  }

  @Test("the same file under two names is refused before anything is changed")
  func sameFileTwice() async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "a")
    try folder.link("b", to: "a")
    let before = try folder.picture()
    let failure = await failure {
      try await access.replace([change(folder.path("a"), "new"), change(folder.path("b"), "other")])
    }
    #expect(failure?.code == "SAME_FILE_TWICE")
    #expect(failure?.failure.sentence.contains(folder.path("b")) == true)
    #expect(try folder.picture() == before)
  }

  @Test("many replacements of the same files at once leave the files of one of them")
  func atOnce() async throws {
    let folder = try TestFolder()
    try folder.folder("a")
    try folder.folder("b")
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<24 {
        group.addTask {
          let changes = ["a/1", "b/2", "a/3"].map { change(folder.path($0), "\(number)") }
          // The other way round, so that locks taken in the order given would wait for each other.
          let code = await code { try await access.replace(number % 2 == 0 ? changes : changes.reversed()) }
          #expect(code == nil)
        }
      }
    }
    let contents = Set(try ["a/1", "b/2", "a/3"].map(folder.text))
    #expect(contents.count == 1)
    #expect(try folder.traces() == [])
  }
}
