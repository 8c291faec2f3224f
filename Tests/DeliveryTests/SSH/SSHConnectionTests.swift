import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Targets behind a real SSH server", .timeLimit(.minutes(4)), .serialized) struct SSHConnectionTests {
  private func access(_ target: SSHTarget, _ targets: Targets = Targets()) -> TargetAccess {
    targets.access(
      to: Component(
        id: Component.ID(rawValue: 1), name: "far", names: [.dns("x")], target: .ssh(target), files: FileLayout()))
  }

  @Test("The whole of an access works over one connection, which is closed at the end")
  func everything() async throws {
    let server = try await TestSSHServer()
    let targets = Targets()
    let access = access(server.target(), targets)
    let sample = try SampleChange()
    try await access.replace(SampleChange.changes(in: sample.folder.path))
    #expect(try sample.folder.picture() == (try await SampleChange.after()))
    let found = try await access.read(sample.folder.path("tls/key.pem"))
    #expect(found?.content.text == SampleChange.key + "new")
    #expect(found?.state == (try await TargetAccess.local().read(sample.folder.path("tls/key.pem"))?.state))
    try await access.checkWritable(sample.folder.path("tls/key.pem"))
    try await access.checkProgram("sh")
    try await access.checkOwner(String(geteuid()), nil)
    #expect(try await access.recover(sample.paths) == [])
    let said = try await access.run(["sh", "-c", "echo \"$0\" \"$1\"; exit 4", "a b", "'"], .seconds(20))
    #expect(said == CommandResult(end: .exited(4), output: "a b '\n"))
    #expect(server.connections == 1)
    #expect(targets.count == 1)
    await targets.closeIdle()
    #expect(targets.count == 0)
    #expect(await eventually { server.connections == 0 })
    // And a new one is made when it is needed again.
    #expect(try await access.read(sample.folder.path("none")) == nil)
    await targets.close()
    #expect(targets.count == 0)
    #expect(await eventually { server.connections == 0 })
  }

  @Test("After a plan its connections are kept, and of too many those that nobody has used for longest are closed")
  func kept() async throws {
    let servers = [try await TestSSHServer(), try await TestSSHServer()]
    let targets = Targets()
    for server in servers { _ = try await access(server.target(), targets).read("/etc/passwd") }
    await targets.keepIdle()
    #expect(targets.count == 2)
    // The update that is started uses the one that stands.
    let children = servers[1].children.filter { servers[1].isConnection($0) }
    _ = try await access(servers[1].target(), targets).read("/etc/passwd")
    #expect(servers[1].children.filter { servers[1].isConnection($0) } == children)
    await targets.closeIdle(beyond: 1)
    #expect(targets.count == 1)
    #expect(await eventually { servers[0].connections == 0 })
    #expect(servers[1].connections == 1)
    await targets.close()
  }

  @Test("A connection that is closed while it is being made does not stay open")
  func closedWhileOpening() async throws {
    let server = try await TestSSHServer()
    let connection = SSHConnection(server.target())
    server.signal(SIGSTOP)
    let script = FarScript([FarBasics.reporting], call: "true")
    let task = Task { await code { _ = try await connection.run(script, sudo: false, limit: .seconds(10)) } }
    while await !connection.isOpening { await Task.yield() }
    await connection.close()
    server.signal(SIGCONT)
    #expect(await task.value == "SSH_LINK_LOST")
    #expect(await eventually { server.connections == 0 })
    await #expect(throws: SSHConnection.Closed.self) {
      _ = try await connection.run(script, sudo: false, limit: .seconds(10))
    }
  }

  @Test("Forty looks at once go over one connection, and none is refused")
  func manyAtOnce() async throws {
    let server = try await TestSSHServer()
    let targets = Targets()
    let access = access(server.target(), targets)
    let file = try server.folder.write("content", to: "file")
    try await withThrowingTaskGroup(of: String?.self) { group in
      for _ in 0..<40 { group.addTask { try await access.read(file)?.content.text } }
      for try await text in group { #expect(text == "content") }
    }
    #expect(server.connections == 1)
    await targets.close()
  }

  @Test("Nothing of the environment, the agent or the login files is in a command's environment")
  func environment() async throws {
    let server = try await TestSSHServer()
    let said = try await access(server.target()).run(["env"], .seconds(20)).output
    let names = Set(said.split(separator: "\n").map { $0.prefix { $0 != "=" } }.map(String.init))
    #expect(names.isSubset(of: ["PATH", "HOME", "USER", "LOGNAME", "PWD", "OLDPWD", "SHLVL", "_"]), "\(said)")
    #expect(said.contains("PATH=\(SSHOptions.searchPath)\n"))
  }

  @Test("Another host key than the pinned one stops it, and both fingerprints are told")
  func changedKey() async throws {
    let server = try await TestSSHServer()
    let other = try server.folder.text("stranger.pub").split(separator: " ").prefix(2).joined(separator: " ")
    let found = await failure { _ = try await access(server.target { $0.hostKey = other }).read("/etc/passwd") }
    #expect(found?.code == "SSH_HOST_KEY_CHANGED")
    let prints = try [other, server.hostKey].map {
      try #require(SSHFingerprint.text(of: $0)?.split(separator: " ").last)
    }
    #expect(found?.failure.sentence.contains("\(prints[0]) was expected, and it shows \(prints[1]).") == true)
    #expect(found?.failure.advice.contains("reinstalled, or somebody is between") == true)
    // A key of a kind that the host does not have.
    let ecdsa = "ecdsa-sha2-nistp256 " + Self.ecdsa
    let kind = await failure { _ = try await access(server.target { $0.hostKey = ecdsa }).read("/etc/passwd") }
    #expect(kind?.code == "SSH_HOST_KEY_CHANGED", "\(String(describing: kind))")
  }

  private static let ecdsa =
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBH+1NJ3LtSq0mCoLDuyABu0mH/ML0IEFFVOxP7YLG6ZeeRk6LxeR6cX0"
    + "W2uA3NIAwOu1SsNnhApAkhkweZoVGS0="

  @Test("Why there is no connection is told by a code and a sentence")
  func refusals() async throws {
    let server = try await TestSSHServer()
    let port = try TestSSHServer.freePort()
    chmod(server.folder.path("stranger"), 0o644)
    let rows: [(code: String, change: @Sendable (inout SSHTarget) -> Void)] = [
      ("SSH_LOGIN_REFUSED", { $0.user = "no-such-user" }), ("SSH_UNREACHABLE", { $0.port = port }),
      ("SSH_UNREACHABLE", { $0.host = "no-such-host.invalid" }),
      ("SSH_IDENTITY_MISSING", { $0.identityFile = "/no/such/key" }),
      ("SSH_IDENTITY_OPEN", { $0.identityFile = server.folder.path("stranger") }),
    ]
    for row in rows {
      #expect(await code { _ = try await access(server.target(row.change)).read("/etc/passwd") } == row.code)
    }
    chmod(server.folder.path("stranger"), 0o600)
    let stranger = server.target { $0.identityFile = server.folder.path("stranger") }
    #expect(await code { _ = try await access(stranger).read("/etc/passwd") } == "SSH_LOGIN_REFUSED")
  }

  @Test("A host that hangs costs its own time and nobody else's, and once, not for each file")
  func hanging() async throws {
    let (hung, healthy) = (try await TestSSHServer(), try await TestSSHServer())
    let targets = Targets()
    let (first, second) = (access(hung.target(), targets), access(healthy.target(), targets))
    _ = try await first.read("/etc/passwd")
    for child in hung.children { kill(child, SIGSTOP) }
    let start = ContinuousClock.now
    let waiting = (0..<12).map { _ in Task { await code { _ = try await first.read("/etc/passwd") } } }
    for _ in 0..<20 { _ = try await second.read("/etc/passwd") }
    #expect(ContinuousClock.now - start < .seconds(10))
    for task in waiting { #expect(["SSH_LINK_LOST", "SSH_SILENT"].contains(await task.value)) }
    #expect(ContinuousClock.now - start < .seconds(45))
    // Its next file costs nothing more; who tries again, once the host answers again, is not told of the past.
    let next = ContinuousClock.now
    #expect(await code { _ = try await first.read("/etc/passwd") } != nil)
    #expect(ContinuousClock.now - next < .seconds(2))
    for child in hung.children { kill(child, SIGKILL) }
    #expect(try await access(hung.target(), targets).read("/etc/passwd") != nil)
    await targets.close()
  }

  @Test("The connection cut at many moments of a replacement leaves old or new files once somebody has looked")
  func cut() async throws {
    let server = try await TestSSHServer()
    let after = try await SampleChange.after()
    let whole = try await time(of: server)
    var failures = 0
    for step in 0..<12 {
      let targets = Targets()
      let access = access(server.target(), targets)
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      _ = try await access.read(sample.folder.path("tls/key.pem"))
      let task = Task { await failure { try await access.replace(SampleChange.changes(in: sample.folder.path)) } }
      try? await Task.sleep(for: whole * step / 12)
      // The server's processes and the scripts below them, all at once; or the connection alone.
      for child in server.children where step % 2 == 0 || server.isConnection(child) { kill(child, SIGKILL) }
      if await task.value != nil { failures += 1 }
      // As the next piece of work does it.
      _ = try await self.access(server.target(), targets).recover(sample.paths)
      let now = try sample.folder.picture()
      #expect(now == before || now == after, "step \(step)")
      await targets.close()
    }
    #expect(failures > 0)
  }

  /// How long a replacement takes that is not cut.
  private func time(of server: TestSSHServer) async throws -> Duration {
    let targets = Targets()
    let access = access(server.target(), targets)
    let sample = try SampleChange()
    _ = try await access.read(sample.folder.path("tls/key.pem"))
    let start = ContinuousClock.now
    try await access.replace(SampleChange.changes(in: sample.folder.path))
    let took = ContinuousClock.now - start
    await targets.close()
    return took
  }

  @Test("A command whose connection is cut is ended on the other machine")
  func cutCommand() async throws {
    let server = try await TestSSHServer()
    let targets = Targets()
    let access = access(server.target(), targets)
    let file = server.folder.path("number")
    let task = Task {
      await failure { _ = try await access.run(["sh", "-c", "echo $$ >\(file); sleep 300"], .seconds(300)) }
    }
    #expect(await eventually { (try? server.folder.text("number"))?.hasSuffix("\n") == true })
    let number = try #require(pid_t(try server.folder.text("number").trimmingCharacters(in: .newlines)))
    for child in server.children where server.isConnection(child) { kill(child, SIGKILL) }
    #expect(await task.value?.code == "SSH_LINK_LOST")
    #expect(await eventually { kill(number, 0) != 0 })
    await targets.close()
  }

  @Test("A fingerprint that moves the cursor is told as text")
  func hostileFingerprint() {
    let said = SSHDiagnosis(target: SSHTarget(host: "gw1", user: "reroot", identityFile: "/k", hostKey: "")).connecting(
      "REMOTE HOST IDENTIFICATION HAS CHANGED! SHA256:ab\u{0}\u{1B}[2J\u{202E}cd.\nHost key verification failed.")
    #expect(said.code == "SSH_HOST_KEY_CHANGED")
    #expect(said.failure.sentence.contains("it shows SHA256:ab\\u{0}\\u{1B}[2J\\u{202E}cd."))
    #expect(!said.failure.sentence.unicodeScalars.contains(where: VisibleText.isHidden))
  }

  @Test("sudo that asks for a password is told with the line that would allow it")
  func sudo() {
    var target = SSHTarget(host: "gw1", user: "reroot", identityFile: "/k", hostKey: "")
    target.sudo = true
    let refused = SSHDiagnosis(target: target).notBegun("sudo: a password is required", status: 1)
    #expect(refused.code == "SSH_SUDO_REFUSED")
    #expect(refused.failure.advice.contains("NOPASSWD: /bin/sh -s"))
    #expect(refused.failure.advice.contains("as good as root"))
    #expect(SSHOptions(target: target, folder: "/tmp/x").command.hasSuffix(" sudo -n /bin/sh -s"))
  }

  @Test("No value of a target can become an option, and nothing of the user's configuration counts")
  func options() {
    let target = SSHTarget(
      host: "gw1.example", port: 2222, user: "reroot", identityFile: "/k y", hostKey: TestSSHServer.sampleKey)
    for words in [
      SSHOptions(target: target, folder: "/tmp/x").master, SSHOptions(target: target, folder: "/tmp/x").session,
    ] {
      #expect(words.suffix(3).first == "--" && words.dropLast().last == "gw1.example")
      #expect(Array(words[1...2]) == ["-F", "none"])
      for option in ["BatchMode=yes", "StrictHostKeyChecking=yes", "ForwardAgent=no", "HostKeyAlgorithms=ssh-ed25519"] {
        #expect(words.contains(option))
      }
      let place = words.firstIndex(of: "-l").map { words[words.index(after: $0)] }
      #expect(place == "reroot")
    }
    #expect(SSHOptions(target: target, folder: "/tmp/x").session.contains("ProxyCommand=false"))
    #expect(ShellWord.quoted("it's") == #"'it'\''s'"#)
    #expect(ShellWord.quoted("") == "''")
    #expect(ShellWord.quoted("'\u{301}; id") == "''\\''\u{301}; id'")
  }
}
