import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("A key that stays at its target", .timeLimit(.minutes(1)))
struct KeptKeyTests {
  private static let names = TestComponent.keptNames

  private static func sample() throws -> TestComponent { try .keepingItsKey() }

  private func issue(_ sample: TestComponent) async throws -> Certificate { try await sample.issueForKeptKey() }

  private func deploy(_ certificate: Certificate, _ sample: TestComponent, _ findings: Findings) async throws {
    try await sample.deployKeptKey(certificate, findings)
  }

  @Test("is compared by its public half, and its content is kept nowhere")
  func inspection() async throws {
    let sample = try Self.sample()
    let (findings, snapshot) = await sample.inspect()
    #expect(findings.problems == [])
    let key = try #require(snapshot.first { $0.file.role == .key })
    #expect(key.content == nil && key.file.state?.mode == 0o400 && key.file.state?.size ?? 0 > 100)
    #expect(snapshot.first { $0.file.role == .certificateChain }?.content != nil)
    try sample.folder.write(sample.authority.child().key.pkcs8PEM().text, to: "key.pem", mode: 0o400)
    #expect(await sample.inspect().findings.problems.map(\.code) == ["KEY_DOES_NOT_MATCH"])
    try sample.folder.write("no key", to: "key.pem", mode: 0o400)
    let problems = await sample.inspect().findings.problems
    #expect(problems.map(\.code) == ["NOT_PEM"] && problems.first?.isBlocking == true)
  }

  @Test("waits beside the key file, mode 0600, until its certificate is there; nothing else is touched")
  func waiting() async throws {
    let sample = try Self.sample()
    let before = try sample.folder.picture()
    let certificate = try await issue(sample)
    var after = try sample.folder.picture()
    let found = after.removeValue(forKey: ".key.pem.reroot-next")
    let waiting = try #require(found)
    #expect(waiting.mode == 0o100600 && waiting.owner == geteuid())
    #expect(after == before)
    #expect(try PrivateKey(pem: SecretBytes(utf8: waiting.content)).matches(certificate))
    #expect(try await sample.delivery.hasKey(of: certificate))
    #expect(try await !sample.delivery.hasKey(of: sample.authority.child().chain[0]))
    #expect(try sample.folder.traces().allSatisfy { $0 == ".key.pem.reroot-next" })
  }

  @Test("goes into place together with its certificate, and the former one is kept beside it")
  func deployment() async throws {
    let sample = try Self.sample()
    let (findings, _) = await sample.inspect()
    let former = try sample.folder.text("key.pem")
    let certificate = try await issue(sample)
    let made = try sample.folder.text(".key.pem.reroot-next")
    try await deploy(certificate, sample, findings)
    let after = try sample.folder.picture()
    #expect(after["key.pem"]?.content == made && after["key.pem"]?.mode == 0o100600)
    #expect(after["chain.pem"]?.content == certificate.pem)
    #expect(after[".key.pem.reroot-previous"]?.content == former)
    #expect(after[".key.pem.reroot-previous"]?.mode == 0o100600)
    #expect(after[".key.pem.reroot-next"] == nil && after.count == 4)
    #expect(await sample.inspect().findings.problems == [])
    #expect(try await sample.delivery.hasKey(of: certificate))
    #expect(
      try await sample.delivery.verify(expected: certificate, root: sample.authority.certificate, previous: nil) == [])
    // Once more does no harm: the former key is still the one that the plan found.
    try await deploy(certificate, sample, findings)
    #expect(try sample.folder.picture() == after)
  }

  @Test("goes away again: the former key is back byte for byte, with its certificate, its owner and its mode")
  func restoring() async throws {
    let sample = try Self.sample()
    if isRoot { try sample.folder.giveAway("key.pem", to: 1, group: 65_534) }
    let before = try sample.folder.picture()
    let (findings, snapshot) = await sample.inspect()
    try await deploy(try await issue(sample), sample, findings)
    try await sample.delivery.restore(snapshot, roles: Set(FileLayout.Role.allCases))
    #expect(try sample.folder.picture() == before)
    try await sample.delivery.verifyRestored(snapshot, served: [])
    try await sample.delivery.restore(snapshot, roles: Set(FileLayout.Role.allCases))
    #expect(try sample.folder.picture() == before)
  }

  @Test("is removed where it waits and was never deployed, by whatever puts files back")
  func unused() async throws {
    for roles in [FileLayout.Role.identity, FileLayout.Role.trust] {
      let sample = try Self.sample()
      let before = try sample.folder.picture()
      let (_, snapshot) = await sample.inspect()
      _ = try await issue(sample)
      #expect(try sample.folder.picture() != before)
      try await sample.delivery.restore(snapshot, roles: roles)
      #expect(try sample.folder.picture() == before)
      // A component whose key Reroot makes has none: such a file is somebody else's.
      _ = try await issue(sample)
      var other = sample
      other.component.keyMade = nil
      let between = try sample.folder.picture()
      try await other.delivery.restore(snapshot, roles: roles)
      #expect(try sample.folder.picture() == between)
    }
  }

  @Test("is the first one: restoring leaves no key, as before")
  func first() async throws {
    let sample = try Self.sample()
    for name in ["chain.pem", "key.pem"] { unlink(sample.folder.path(name)) }
    let before = try sample.folder.picture()
    let (findings, snapshot) = await sample.inspect()
    try await deploy(try await issue(sample), sample, findings)
    #expect(try sample.folder.picture().keys.sorted() == ["chain.pem", "key.pem", "roots.pem"])
    try await sample.delivery.restore(snapshot, roles: FileLayout.Role.identity)
    #expect(try sample.folder.picture().filter { $0.key != "roots.pem" } == before.filter { $0.key != "roots.pem" })
  }

  @Test("replaces the former one of the next update, too: each update keeps the key that it found")
  func successor() async throws {
    let sample = try Self.sample()
    let (first, _) = await sample.inspect()
    try await deploy(try await issue(sample), sample, first)
    let between = try sample.folder.text("key.pem")
    let (second, snapshot) = await sample.inspect()
    try await deploy(try await issue(sample), sample, second)
    #expect(try sample.folder.text(".key.pem.reroot-previous") == between)
    try await sample.delivery.restore(snapshot, roles: FileLayout.Role.identity)
    #expect(try sample.folder.text("key.pem") == between)
  }

  @Test("is never deployed under another's certificate, nor over a key that nobody kept; nothing is changed then")
  func refused() async throws {
    let sample = try Self.sample()
    let (findings, snapshot) = await sample.inspect()
    let certificate = try await issue(sample)
    var before = try sample.folder.picture()
    let foreign = try sample.authority.child().chain[0]
    #expect(await code { try await deploy(foreign, sample, findings) } == "KEY_NOT_THERE")
    #expect(try sample.folder.picture() == before)
    // Made once more, as after a crash: the certificate of the key before is of no use any more.
    _ = try await sample.delivery.makeKey(.ecdsaP256, names: Self.names)
    #expect(try await !sample.delivery.hasKey(of: certificate))
    #expect(await code { try await deploy(certificate, sample, findings) } == "KEY_NOT_THERE")
    // Somebody else has replaced the key since the plan.
    let next = try await issue(sample)
    try sample.folder.write(sample.authority.child().key.pkcs8PEM().text, to: "key.pem", mode: 0o400)
    before = try sample.folder.picture()
    #expect(await code { try await deploy(next, sample, findings) } == "KEY_CHANGED")
    #expect(
      await code { try await sample.delivery.restore(snapshot, roles: FileLayout.Role.identity) } == "NOTHING_KEPT")
    #expect(try sample.folder.picture() == before)
  }

  @Test("is where it was after a crash at any step of the deployment, and the update can go on or back")
  func crash() async throws {
    let count = Counter()
    do {
      let sample = try Self.sample()
      let (findings, _) = await sample.inspect()
      let certificate = try await issue(sample)
      let counting = ComponentDelivery(
        component: sample.component, access: .local(observe: { _ in count.next() }))
      try await counting.deploy(
        chain: [certificate], bundle: nil, previousKey: findings.files.first { $0.role == .key })
    }
    #expect(count.value > 10)
    for step in 0..<count.value {
      let sample = try Self.sample()
      let (findings, snapshot) = await sample.inspect()
      let certificate = try await issue(sample)
      let before = try sample.folder.picture()
      let steps = Counter()
      let failing = ComponentDelivery(
        component: sample.component,
        access: .local(observe: { _ in
          if steps.next() == step { throw DeliveryFailure(code: "STOPPED", sentence: "Stopped.", advice: "") }
        }))
      let stopped = await code {
        try await failing.deploy(
          chain: [certificate], bundle: nil, previousKey: findings.files.first { $0.role == .key })
      }
      // The last steps only clean up: the replacement is done by then.
      if stopped != nil { #expect(try sample.folder.picture() == before, "step \(step)") }
      #expect(try await sample.delivery.hasKey(of: certificate), "step \(step)")
      try await deploy(certificate, sample, findings)
      #expect(await sample.inspect().findings.problems == [])
      try await sample.delivery.restore(snapshot, roles: FileLayout.Role.identity)
      #expect(try sample.folder.text("key.pem") == before["key.pem"]?.content)
    }
  }

  @Test("is not made over a folder, nor in a folder that is not there; no half of a key is left")
  func notMade() async throws {
    let sample = try Self.sample()
    try sample.folder.folder(".key.pem.reroot-next")
    let before = try sample.folder.picture()
    #expect(await code { _ = try await sample.delivery.makeKey(.ecdsaP256, names: Self.names) } == "FOLDER_IN_THE_WAY")
    #expect(try sample.folder.picture() == before)
    var astray = sample
    astray.component.files.key = sample.folder.path("no/key.pem")
    #expect(await code { _ = try await astray.delivery.makeKey(.ecdsaP256, names: Self.names) } == "FOLDER_MISSING")
  }

  @Test("that waits is not taken from a link that leads elsewhere")
  func link() async throws {
    let sample = try Self.sample()
    let (findings, _) = await sample.inspect()
    let certificate = try await issue(sample)
    unlink(sample.folder.path(".key.pem.reroot-next"))
    try sample.folder.write(sample.authority.child().key.pkcs8PEM().text, to: "other.key", mode: 0o600)
    try sample.folder.link(".key.pem.reroot-next", to: "other.key")
    #expect(await code { try await deploy(certificate, sample, findings) } == "KEY_NOT_THERE")
  }
}
