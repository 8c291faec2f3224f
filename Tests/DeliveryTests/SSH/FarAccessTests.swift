import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

/// The scripts, run by the shells of Debian and Alpine in the place of a connection.
@Suite("What is done on another machine, by its shell", .timeLimit(.minutes(3))) struct FarAccessTests {
  @Test("A file is read with its owner and mode, over links, byte for byte", arguments: FarShell.allCases)
  func reading(_ shell: FarShell) async throws {
    let folder = try TestFolder()
    let access = try shell.access(in: folder)
    let bytes = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    try folder.folder("it's $(a) folder")
    try Data(bytes).write(to: URL(fileURLWithPath: folder.path("it's $(a) folder/-f \"x\" *")))
    chmod(folder.path("it's $(a) folder/-f \"x\" *"), 0o4640)
    try folder.link("link", to: "it's $(a) folder/-f \"x\" *")
    let found = try #require(try await access.read(folder.path("link")))
    #expect(found.content == SecretBytes(bytes))
    #expect(found.state == (try await TargetAccess.local().read(folder.path("link"))?.state))
    #expect(try await access.read(folder.path("none")) == nil)
    #expect(try await access.read(folder.path("none/none")) == nil)
    #expect(await code { _ = try await access.read(folder.path) } == "FOLDER_IN_THE_WAY")
    #expect(await code { _ = try await access.read("/dev/null") } == "NOT_A_FILE")
    try folder.link("round", to: "round")
    #expect(await code { _ = try await access.read(folder.path("round")) } == "LINK_LOOP")
    try Data(count: TargetFile.maximumBytes).write(to: URL(fileURLWithPath: folder.path("large")))
    #expect(try await access.read(folder.path("large"))?.content.count == TargetFile.maximumBytes)
    try Data(count: TargetFile.maximumBytes + 1).write(to: URL(fileURLWithPath: folder.path("large")))
    #expect(await code { _ = try await access.read(folder.path("large")) } == "FILE_TOO_LARGE")
  }

  @Test("Several files change as one, exactly as on this machine", arguments: FarShell.allCases)
  func replacing(_ shell: FarShell) async throws {
    let tools = try TestFolder()
    let sample = try SampleChange()
    try await shell.access(in: tools).replace(SampleChange.changes(in: sample.folder.path))
    #expect(try sample.folder.picture() == (try await SampleChange.after()))
  }

  @Test("A failure in the middle puts everything back", arguments: FarShell.allCases)
  func failing(_ shell: FarShell) async throws {
    let tools = try TestFolder()
    let sample = try SampleChange()
    let access = try shell.access(in: tools)
    let before = try sample.folder.picture()
    let unknown = FileChange(
      path: sample.folder.path("trust/last"), content: SecretBytes(utf8: "x"), owner: "no-such-user", mode: 0o600)
    #expect(
      await code { try await access.replace(SampleChange.changes(in: sample.folder.path) + [unknown]) }
        == "OWNER_UNKNOWN")
    #expect(try sample.folder.picture() == before)
    let twice = FileChange(path: sample.folder.path("trust/roots-1.pem"), content: SecretBytes(utf8: "x"), mode: 0o600)
    #expect(
      await code { try await access.replace(SampleChange.changes(in: sample.folder.path) + [twice]) }
        == "SAME_FILE_TWICE")
    #expect(try sample.folder.picture() == before)
  }

  @Test("Killed at any of its steps, it leaves the old files or the new ones once somebody has looked")
  func crashes() async throws {
    let tools = try TestFolder()
    let path = try FarShell.deadlyTools(in: tools, ["mv", "ln", "rm", "sync", "chmod", "stat", "sha256sum"])
    let deadly = try FarShell.busybox.access(in: tools, path: path)
    let healthy = try FarShell.busybox.access(in: tools)
    let after = try await SampleChange.after()
    var killed = 0
    var undone = 0
    for step in 1... {
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      try tools.write("\(step)", to: "count")
      let failed = await failure { try await deadly.replace(SampleChange.changes(in: sample.folder.path)) }
      guard failed != nil else { break }
      #expect(failed?.code == "SSH_LINK_LOST")
      killed += 1
      // In every second case somebody looks first from the folder that the journal is not in.
      var recoveries: [Recovery] = []
      if step % 2 == 1 { recoveries = try await healthy.recover([sample.folder.path("trust/gone.pem")]) }
      recoveries += try await healthy.recover(sample.paths)
      if !recoveries.isEmpty { undone += 1 }
      let now = try sample.folder.picture().filter { !$0.key.contains("reroot-ssh.lock") }
      #expect(now == before || now == after, "step \(step): \(now)")
      #expect(recoveries.flatMap(\.leftAsFound) == [])
    }
    #expect(killed > 25)
    #expect(undone > 5)
  }

  @Test("A script whose client has given up changes nothing, however late it runs", arguments: FarShell.allCases)
  func late(_ shell: FarShell) async throws {
    let tools = try TestFolder()
    let folder = try TestFolder()
    try folder.write("old", to: "a")
    let before = try folder.picture()
    let target = SSHTarget(host: "far.example", user: "reroot", identityFile: "/none", hostKey: "")
    let environment = ["PATH=\(try shell.path(in: tools))"]
    let threads = WorkThreads(count: 1)
    // The whole script arrives, and then the client is gone.
    let access = TargetAccess.ssh(target) { [words = shell.words] script, _ in
      try await threads.run {
        let process = try FarProcess(words, environment: environment)
        script.text.withBytes { bytes in
          var sent = 0
          while sent < bytes.count {
            let count = write(process.input ?? -1, bytes.baseAddress! + sent, bytes.count - sent)
            if count > 0 { sent += count } else { usleep(1000) }
          }
        }
        process.closeInput()
        var answer = FarAnswer()
        answer.status = process.wait()
        return answer
      }
    }
    let change = FileChange(path: folder.path("a"), content: SecretBytes(utf8: "new"), mode: 0o600)
    #expect(await code { try await access.replace([change]) } == "SSH_LINK_LOST")
    #expect(await code { _ = try await access.run(["touch", folder.path("b")], .seconds(5)) } == "SSH_LINK_LOST")
    #expect(try folder.picture() == before)
  }

  @Test("A lock is waited for while its holder lives, and taken over when it has died")
  func locks() async throws {
    let tools = try TestFolder()
    let folder = try TestFolder()
    let access = try FarShell.dash.access(in: tools)
    try folder.write("old", to: "a")
    try folder.link(".reroot-ssh.lock", to: "another-boot.1.1")
    try await access.replace([FileChange(path: folder.path("a"), content: SecretBytes(utf8: "new"), mode: 0o644)])
    #expect(try folder.text("a") == "new")
    #expect(!folder.exists(".reroot-ssh.lock"))
    // Twelve at once: each replaces both files by its own number.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<12 {
        group.addTask {
          try await access.replace(
            ["a", "b"].map {
              FileChange(path: folder.path($0), content: SecretBytes(utf8: "\(number)"), mode: 0o644)
            })
        }
      }
      try await group.waitForAll()
    }
    #expect(try folder.text("a") == folder.text("b"))
    #expect(try Set(folder.picture().keys) == ["a", "b"])
  }

  @Test("A file that somebody changed after a crash is left as it is, and named")
  func foreignChange() async throws {
    let tools = try TestFolder()
    let sample = try SampleChange()
    let deadly = try FarShell.busybox.access(in: tools, path: try FarShell.deadlyTools(in: tools, ["mv"]))
    let healthy = try FarShell.busybox.access(in: tools)
    // The pointer, the journal, three files: killed before the fourth one is in its place.
    try tools.write("6", to: "count")
    #expect(await failure { try await deadly.replace(SampleChange.changes(in: sample.folder.path)) } != nil)
    #expect(try sample.folder.text("tls/chain.pem") == "new chain")
    try sample.folder.write("somebody else's", to: "tls/chain.pem")
    let recoveries = try await healthy.recover(sample.paths)
    #expect(recoveries.map(\.leftAsFound) == [[sample.folder.path("tls/chain.pem")]])
    #expect(try sample.folder.text("tls/chain.pem") == "somebody else's")
    #expect(try sample.folder.text("tls/key.pem") == SampleChange.key + "old")
  }

  @Test("A look whether a file could be replaced leaves nothing behind and says what is in the way")
  func writable() async throws {
    let tools = try TestFolder()
    let folder = try TestFolder()
    try folder.write("x", to: "a")
    for shell in FarShell.allCases {
      let access = try shell.access(in: tools)
      try await access.checkWritable(folder.path("a"))
      try await access.checkWritable(folder.path("new"))
      #expect(await code { try await access.checkWritable(folder.path("none/a")) } == "FOLDER_MISSING")
      #expect(await code { try await access.checkWritable("/proc/a") } != nil)
      #expect(try Set(folder.picture().keys) == ["a"])
    }
  }
}
