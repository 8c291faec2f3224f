import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("A file at the target", .timeLimit(.minutes(1)))
struct FileReadingTests {
  private let access = TargetAccess.local()

  @Test("is read with its owner and mode, through links, bytes as they are")
  func content() async throws {
    let folder = try TestFolder()
    let bytes: [UInt8] = [0, 0xFF, 0x0D, 0x0A, 0]
    try Data(bytes).write(to: URL(fileURLWithPath: folder.path("real")))
    chmod(folder.path("real"), 0o640)
    try folder.link("link", to: "real")
    let file = try #require(try await access.read(folder.path("link")))
    #expect(file.content.withBytes { [UInt8]($0) } == bytes)
    #expect(file.owner == geteuid() && file.mode == 0o640)
    #expect(
      file.state
        == FoundFile.State(
          sha256: Digest.sha256Hex(bytes), size: 5, owner: geteuid(), group: file.group, mode: 0o640))
  }

  @Test("that is not there is nil, and so is one whose folder is not there or whose link leads nowhere")
  func missing() async throws {
    let folder = try TestFolder()
    try folder.link("dangling", to: "nowhere")
    for name in ["none", "no folder/none", "dangling"] {
      let file = try await access.read(folder.path(name))
      #expect(file == nil, "\(name)")
    }
  }

  @Test(
    "may have 1 MiB and not one byte more",
    arguments: [
      (0, nil), (TargetFile.maximumBytes, nil), (TargetFile.maximumBytes + 1, "FILE_TOO_LARGE"),
    ] as [(Int, String?)])
  func size(count: Int, expected: String?) async throws {
    let folder = try TestFolder()
    let path = try folder.write(String(repeating: "x", count: count), to: "a")
    var found: Int?
    let code = await code { found = try await access.read(path)?.content.count }
    #expect(code == expected)
    #expect(found == (expected == nil ? count : nil))
  }

  @Test(
    "that is no file is refused without being opened",
    arguments: [
      ("folder", "FOLDER_IN_THE_WAY"), ("pipe", "NOT_A_FILE"), ("socket", "NOT_A_FILE"), ("/dev/null", "NOT_A_FILE"),
    ])
  func notAFile(name: String, expected: String) async throws {
    let folder = try TestFolder()
    try folder.folder("folder")
    mkfifo(folder.path("pipe"), 0o600)
    let socket = try UnixSocket(folder.path("socket"))
    defer { socket.remove() }
    let path = name.hasPrefix("/") ? name : folder.path(name)
    #expect(await code { _ = try await access.read(path) } == expected)
    #expect(await code { try await access.checkWritable(path) } == expected)
  }

  /// A symbolic link, whose it is and whose the file behind it is.
  struct Link: Sendable, CustomTestStringConvertible {
    let name: String
    let link: uid_t
    let file: uid_t?
    let code: String?
    var testDescription: String { name }
  }

  @Test(
    "behind another user's link is not trusted, unless it is that user's too",
    .enabled(if: isRoot, "giving away takes root"),
    arguments: [
      Link(name: "of root, to another user's file", link: 0, file: 65_534, code: nil),
      Link(name: "of a user, to his own file", link: 65_534, file: 65_534, code: nil),
      Link(name: "of a user, to root's file", link: 65_534, file: 0, code: "LINK_NOT_TRUSTED"),
      Link(name: "of a user, to another's file", link: 65_534, file: 1, code: "LINK_NOT_TRUSTED"),
    ])
  func linkTrust(row: Link) async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "real")
    try folder.link("link", to: "real")
    try folder.giveAway("link", to: row.link, group: 0)
    if let owner = row.file { try folder.giveAway("real", to: owner, group: 0) }
    let before = try folder.picture()
    let change = FileChange(path: folder.path("link"), content: SecretBytes(utf8: "new"), mode: 0o644)
    #expect(await code { _ = try await access.read(change.path) } == row.code)
    #expect(await code { try await access.checkWritable(change.path) } == row.code)
    #expect(try folder.picture() == before)
    #expect(await code { try await access.replace([change]) } == row.code)
    #expect(try folder.text("real") == (row.code == nil ? "new" : "old"))
  }

  @Test("behind a link is found, also where an accent stands behind a slash, which Swift takes for one character")
  func accent() throws {
    let folder = try TestFolder()
    try folder.folder("real")
    try folder.link("way", to: "real")
    let place = try ResolvedPath(folder.path("way/\u{301}file"))
    #expect(place.folder == folder.path("real") && place.name == "\u{301}file")
  }

  @Test(
    "behind another user's link to a folder is not trusted, unless the folder is that user's too",
    .enabled(if: isRoot, "giving away takes root"),
    arguments: [
      Link(name: "of root, to another user's folder", link: 0, file: 65_534, code: nil),
      Link(name: "of a user, to his own folder", link: 65_534, file: 65_534, code: nil),
      Link(name: "of a user, to root's folder", link: 65_534, file: 0, code: "LINK_NOT_TRUSTED"),
    ])
  func folderLinkTrust(row: Link) async throws {
    let folder = try TestFolder()
    try folder.folder("real/inner")
    try folder.write("old", to: "real/inner/file")
    try folder.link("way", to: "real")
    try folder.giveAway("way", to: row.link, group: 0)
    if let owner = row.file { try folder.giveAway("real", to: owner, group: 0) }
    let path = folder.path("way/inner/file")
    #expect(await code { try await access.checkWritable(path) } == row.code)
    let change = FileChange(path: path, content: SecretBytes(utf8: "new"), mode: 0o644)
    #expect(await code { try await access.replace([change]) } == row.code)
    #expect(try folder.text("real/inner/file") == (row.code == nil ? "new" : "old"))
  }

  @Test("can be replaced or made: the check says so and leaves nothing behind")
  func writable() async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "there", mode: 0o400)
    try folder.link("link", to: "there")
    let before = try folder.picture()
    for name in ["there", "link", "new"] { try await access.checkWritable(folder.path(name)) }
    #expect(try folder.picture() == before)
    #expect(await code { try await access.checkWritable(folder.path("no folder/a")) } == "FOLDER_MISSING")
    #expect(await code { try await access.checkWritable("relative") } == "PATH_INVALID")
  }

  @Test("of another user in a folder like /tmp cannot be replaced", .enabled(if: isRoot, "giving away takes root"))
  func stickyFolder() async throws {
    let folder = try TestFolder()
    try folder.write("old", to: "a", mode: 0o666)
    chmod(folder.path, 0o1777)
    await #expect(processExitsWith: .success) { [path = folder.path("a") as String] in
      try await unprivileged {
        let found = await code { try await TargetAccess.local().checkWritable(path) }
        #expect(found == "NOT_PERMITTED", "\(found ?? "writable")")
      }
    }
  }

  @Test("in a folder that another program has locked is left alone until the lock is gone")
  func locked() async throws {
    let folder = try TestFolder()
    let path = try folder.write("old", to: "a")
    let lock = open(folder.path, O_RDONLY | O_DIRECTORY)
    defer { close(lock) }
    #expect(flock(lock, LOCK_EX) == 0)
    let busy = await failure { _ = try FolderLocks(paths: [folder.path], limit: .milliseconds(30)) }
    #expect(busy?.code == "FOLDER_BUSY")
    #expect(busy?.failure.sentence.contains(folder.path) == true)
    let change = FileChange(path: path, content: SecretBytes(utf8: "new"), mode: 0o644)
    async let replaced: Void = access.replace([change])
    #expect(try folder.text("a") == "old")
    // Reading waits for nobody.
    #expect(try await access.read(path)?.content.text == "old")
    flock(lock, LOCK_UN)
    try await replaced
    #expect(try folder.text("a") == "new")
  }
}

/// A socket that stands in a folder.
private struct UnixSocket {
  private let descriptor: Int32
  private let path: String

  init(_ path: String) throws {
    self.path = path
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else { throw DeliveryFailure.system(errno, "Making \(path)") }
  }

  func remove() {
    close(descriptor)
    unlink(path)
  }
}
