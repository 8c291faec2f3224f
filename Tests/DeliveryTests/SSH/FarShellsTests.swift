import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("Shells of another machine that wait for scripts", .timeLimit(.minutes(2))) struct FarShellsTests {
  private let folder: TestFolder
  private let target = SSHTarget(host: "far.example", user: "reroot", identityFile: "/none", hostKey: "")
  init() throws { folder = try TestFolder() }

  private func shells(_ shell: FarShell, counting started: Counter) throws -> FarShells {
    let environment = ["PATH=\(try shell.path(in: folder))"]
    return FarShells {
      started.next()
      return try FarProcess(shell.words, environment: environment)
    }
  }

  @Test("One shell does whatever comes one after the other, each as if it had its own", arguments: FarShell.allCases)
  func oneForAll(_ shell: FarShell) async throws {
    let started = Counter()
    let shells = try shells(shell, counting: started)
    let access = TargetAccess.shells(shells, for: target)
    let sample = try SampleChange()
    for round in 0..<3 {
      try await access.replace(SampleChange.changes(in: sample.folder.path))
      #expect(try await access.recover(sample.paths) == [])
      #expect(try await access.read(sample.folder.path("tls/chain.pem"))?.content.text == "new chain")
      #expect(await code { _ = try await access.read(sample.folder.path) } == "FOLDER_IN_THE_WAY")
      // Neither the folder, the mask nor the language of the script before.
      let said = try await access.run(
        ["sh", "-c", "pwd; echo \(round) ${LC_ALL-none}; umask; read -r x || echo end"], .seconds(20))
      #expect(said.isSuccess && said.output.hasPrefix("/\n\(round) none\n") && said.output.hasSuffix("end\n"))
      #expect(!said.output.contains("077\n"))
      let failed = try await access.run(["sh", "-c", "exit 3"], .seconds(20))
      #expect(failed.end == .exited(3))
    }
    #expect(started.value == 1)
    #expect(shells.count == 1)
  }

  @Test(
    "A shell is not used again once a script ended in its middle, or left something behind",
    arguments: FarShell.allCases)
  func notAgain(_ shell: FarShell) async throws {
    let started = Counter()
    let shells = try shells(shell, counting: started)
    let access = TargetAccess.shells(shells, for: target)
    // Something goes on and holds the command's output open.
    let said = try await access.run(
      ["sh", "-c", "sleep 300 & echo $! >\(folder.path("number")); echo started"], .seconds(20))
    #expect(said.output == "started\n")
    #expect(shells.count == 0)
    if let number = pid_t(try folder.text("number").trimmingCharacters(in: .newlines)) { kill(number, SIGKILL) }
    // A subshell that is ended by somebody, and with it what would have let go of a lock.
    let cut = FarScript([FarBasics.reporting], call: "exit 1")
    let answer = try await WorkThreads(count: 1).run { try shells.hold(FarConversation(cut, limit: .seconds(20))) }
    #expect(answer.began && answer.isOver && !answer.isDone)
    #expect(shells.count == 0)
    #expect(try await access.read(folder.path("none")) == nil)
    #expect(started.value == 3)
    #expect(shells.count == 1)
  }

  @Test("Those that wait can be ended, so that others get their sessions; the next script gets a new one")
  func ended() async throws {
    let started = Counter()
    let shells = try shells(.dash, counting: started)
    let access = TargetAccess.shells(shells, for: target)
    #expect(try await access.read(folder.path("none")) == nil)
    #expect(shells.count == 1)
    shells.endWaiting()
    #expect(shells.count == 0)
    #expect(try await access.read(folder.path("none")) == nil)
    #expect(started.value == 2 && shells.count == 1)
  }

  @Test("A shell that was lost while it waited costs nothing but another one")
  func lost() async throws {
    let environment = ["PATH=\(SSHOptions.searchPath)"]
    let made = Collected<FarProcess>()
    let shells = FarShells {
      let process = try FarProcess(FarShell.dash.words, environment: environment)
      made.append(process)
      return process
    }
    let access = TargetAccess.shells(shells, for: target)
    #expect(try await access.read(folder.path("none")) == nil)
    made.all[0].signal(SIGKILL)
    #expect(try await access.read(folder.path("none")) == nil)
    #expect(made.all.count == 2)
    shells.close()
    #expect(shells.count == 0)
  }

  @Test("What belongs together is one script: a look at several files, and the reading of them")
  func together() async throws {
    let scripts = Counter()
    let shells = try shells(.dash, counting: Counter())
    let threads = WorkThreads(count: 1)
    let access = TargetAccess.ssh(target) { script, limit in
      scripts.next()
      return try await threads.run { try shells.hold(FarConversation(script, limit: limit)) }
    }
    let names = (0..<9).map { "file\($0)" }
    for name in names where name != "file4" { try folder.write("content of \(name)", to: name, mode: 0o640) }
    try folder.write("", to: "file0")
    let paths = names.map { folder.path($0) }
    let local = TargetAccess.local()
    #expect(try await access.states(paths) == (try await local.states(paths)))
    #expect(try await access.readAll(paths).map { $0?.state } == (try await local.states(paths)))
    #expect(scripts.value == 2)
    #expect(try await access.readAll(paths)[8]?.content.text == "content of file8")
    #expect(await code { _ = try await access.states([paths[0], folder.path]) } == "FOLDER_IN_THE_WAY")
    // Three of the largest size are more than one conversation takes for one file.
    for (index, path) in paths.prefix(3).enumerated() {
      let content = String(repeating: "\(index)", count: TargetFile.maximumBytes)
      try Data(content.utf8).write(to: URL(fileURLWithPath: path))
    }
    let large = try await access.readAll(Array(paths.prefix(3)))
    #expect(large.map { $0?.content.count } == [Int](repeating: TargetFile.maximumBytes, count: 3))
  }

  @Test("A replacement starts each tool once for all its files, as far as the tool can do that")
  func fewPrograms() async throws {
    // Tools that note each start of theirs.
    _ = try FarShell.busybox.path(in: folder)
    try folder.folder("counted")
    try folder.write("", to: "starts")
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path("applets")) where name != "sh" {
      try folder.write(
        "#!/bin/busybox sh\necho \(name) >>\(folder.path("starts"))\nexec /bin/busybox \(name) \"$@\"\n",
        to: "counted/" + name, mode: 0o755)
    }
    try folder.link("counted/sh", to: "/bin/busybox")
    let access = try FarShell.dash.access(in: folder, path: folder.path("counted"))
    for name in ["key", "chain", "roots"] { try folder.write("old", to: name, mode: name == "key" ? 0o600 : 0o644) }
    try await access.replace(
      ["key", "chain", "roots"].map {
        FileChange(path: folder.path($0), content: SecretBytes(utf8: "new\n"), mode: $0 == "key" ? 0o600 : 0o644)
      })
    let starts = try folder.text("starts").split(separator: "\n").map(String.init)
    let counted = Dictionary(starts.map { ($0, 1) }, uniquingKeysWith: +)
    // A lock, a link and a change of name for each file, the journal's name, and what makes all of it durable in order.
    #expect(
      counted == [
        "id": 1, "ln": 1 + 3, "mv": 1 + 3, "rm": 3, "sync": 4, "stat": 3, "sha256sum": 1, "chmod": 1, "timeout": 1,
      ], "\(counted)")
  }
}
