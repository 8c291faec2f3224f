import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("A key that stays behind a real SSH server", .timeLimit(.minutes(4)), .serialized) struct SSHKeyTests {
  @Test("goes through an update, its Abort and a second update, and never travels; nor does the former one")
  func travels() async throws {
    let server = try await TestSSHServer()
    let connection = SSHConnection(server.target())
    let travelled = Travelled()
    let access = TargetAccess.ssh(server.target()) { script, limit in
      let answer = try await connection.run(script, sudo: false, limit: limit)
      travelled.add(script, answer)
      return answer
    }
    let sample = try TestComponent.keepingItsKey()
    let delivery = sample.delivery(over: access)
    let before = try sample.folder.picture()
    var keys = [try sample.folder.text("key.pem")]
    for turn in 0..<2 {
      let (findings, snapshot) = await delivery.inspect(knownRoots: [sample.authority.certificate], now: Date())
      #expect(findings.problems == [])
      let certificate = try await sample.issueForKeptKey(over: access)
      keys.append(try sample.folder.text(".key.pem.reroot-next"))
      try await sample.deployKeptKey(certificate, findings, over: access)
      #expect(try sample.folder.text("key.pem") == keys.last)
      #expect(
        try await delivery.verify(expected: certificate, root: sample.authority.certificate, previous: nil) == [])
      guard turn == 0 else { continue }
      try await delivery.restore(snapshot, roles: Set(FileLayout.Role.allCases))
      try await delivery.verifyRestored(snapshot, served: [])
      #expect(try sample.folder.picture() == before)
    }
    #expect(server.connections == 1)
    #expect(Set(keys).count == 3)
    for key in keys { #expect(!travelled.holds(key)) }
    // It would be seen: the certificate did travel.
    #expect(travelled.holds(try sample.folder.text("chain.pem")))
    await connection.close()
  }

  @Test("cut off at many moments of its making and deploying, is never beside another's certificate")
  func cut() async throws {
    let server = try await TestSSHServer()
    var failures = 0
    // What the shortest one takes that is not cut, its connection with it: a busy machine may be slow with the first.
    var whole = Duration.zero
    for step in 0...8 {
      let targets = Targets()
      var sample = try TestComponent.keepingItsKey()
      sample.component.target = .ssh(server.target())
      let access = targets.access(to: sample.component)
      let (findings, snapshot) = await sample.delivery(over: access).inspect(
        knownRoots: [sample.authority.certificate], now: Date())
      let before = try sample.folder.picture()
      let start = ContinuousClock.now
      let task = Task { [sample] in
        let failed = await failure {
          let certificate = try await sample.issueForKeptKey(over: access)
          try await sample.deployKeptKey(certificate, findings, over: access)
        }
        return (isCut: failed != nil, took: ContinuousClock.now - start)
      }
      if step > 0 {
        try? await Task.sleep(for: whole * (step - 1) / 8)
        for child in server.children where step % 2 == 0 || server.isConnection(child) { kill(child, SIGKILL) }
      }
      let (isCut, took) = await task.value
      if isCut { failures += 1 } else { whole = step == 0 ? took : min(whole, took) }
      #expect(step > 0 || !isCut)
      // As the next piece of work does, with an access of its own.
      let next = targets.access(to: sample.component)
      _ = try await next.recover(sample.component.files.paths.map(\.path))
      let delivery = sample.delivery(over: next)
      let problems = await delivery.inspect(knownRoots: [sample.authority.certificate], now: Date()).findings.problems
      #expect(problems == [], "step \(step)")
      let certificate = try await sample.issueForKeptKey(over: next)
      try await sample.deployKeptKey(certificate, findings, over: next)
      try await delivery.restore(snapshot, roles: Set(FileLayout.Role.allCases))
      #expect(try sample.folder.picture() == before, "step \(step)")
      await targets.close()
    }
    #expect(failures > 0)
  }
}

/// Everything that went to another machine and came back.
private final class Travelled: Sendable {
  private let bytes = Mutex<[Data]>([])

  func add(_ script: FarScript, _ answer: FarAnswer) {
    let reports = answer.reports.map { $0.joined(separator: "\n") }.joined(separator: "\n")
    bytes.withLock { bytes in
      bytes.append(Data(script.text.withBytes { Array($0) }))
      bytes.append(Data(answer.output.withBytes { Array($0) } + Array(reports.utf8) + Array(answer.noise.utf8)))
    }
  }

  /// Whether anything of the PEM text was there, as it is or in base64 once more.
  func holds(_ pem: String) -> Bool {
    let inner = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.map(String.init)
    // Three texts, one of which begins where a group of base64 does.
    let once = Data(pem.utf8)
    let again = (0..<3).map { shift in
      String(once.dropFirst(shift + 60).base64EncodedString().prefix(40))
    }
    return bytes.withLock { bytes in
      bytes.contains { part in
        let joined = Data(part.filter { $0 != 0x0A && $0 != 0x0D })
        return (inner.prefix(1) + again).contains { joined.range(of: Data($0.utf8)) != nil }
      }
    }
  }
}
