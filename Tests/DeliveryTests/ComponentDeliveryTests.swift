import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("Deployed and restored", .timeLimit(.minutes(1)))
struct ComponentDeliveryTests {
  private static let all = Set(FileLayout.Role.allCases)

  @Test("files hold chain, key and bundle, with the modes that are configured")
  func deploy() async throws {
    let sample = try TestComponent()
    let next = try TestAuthority("Next Root")
    let identity = try TestAuthority.child(of: try next.intermediate())
    let bundle = [sample.authority.certificate, next.certificate]
    try await sample.delivery.deploy(chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: bundle)
    let picture = try sample.folder.picture()
    #expect(picture["chain.pem"]?.content == identity.chain.map(\.pem).joined())
    #expect(picture["key.pem"]?.content == (try identity.key.pkcs8PEM().text))
    #expect(picture["roots.pem"]?.content == bundle.map(\.pem).joined())
    #expect(picture.mapValues(\.mode) == ["chain.pem": 0o100644, "key.pem": 0o100600, "roots.pem": 0o100644])
    #expect(try await sample.delivery.bundleNow() == bundle)
    let (findings, _) = await sample.inspect(knownRoots: bundle)
    #expect(findings.problems == [] && findings.presents == next.rootKey)
  }

  @Test("the bundle comes first and the certificate last, so that what watches it finds the others new")
  func order() async throws {
    var sample = try TestComponent()
    let names = Collected<String>()
    let access = TargetAccess.local(observe: { step in
      if case .replaced(let path) = step { names.append(String(path.split(separator: "/").last ?? "")) }
    })
    let delivery = ComponentDelivery(component: sample.component, access: access)
    let identity = try sample.authority.child()
    try await delivery.deploy(
      chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    #expect(names.all == ["roots.pem", "key.pem", "chain.pem"])
    // A combined file is one that holds the key.
    sample.component.files = FileLayout(combined: sample.folder.path("combined.pem"))
    try await sample.delivery.deploy(chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: nil)
    let combined = try sample.folder.picture()["combined.pem"]
    #expect(combined?.content == (try identity.chainPEM + identity.key.pkcs8PEM().text))
    #expect(combined?.mode == 0o100600)
  }

  @Test("what does not belong together is not deployed, and nothing is changed")
  func refused() async throws {
    let sample = try TestComponent()
    let (one, other) = (try sample.authority.child(), try sample.authority.child())
    let before = try sample.folder.picture()
    let rows: [(code: String, chain: [Certificate], key: SecretBytes, bundle: [Certificate]?)] = [
      ("KEY_DOES_NOT_MATCH", one.chain, try other.key.pkcs8PEM(), nil),
      ("KEY_DOES_NOT_MATCH", [], try one.key.pkcs8PEM(), nil),
      ("KEY_UNREADABLE", one.chain, SecretBytes(utf8: "no key"), nil),
      ("BUNDLE_EMPTY", one.chain, try one.key.pkcs8PEM(), []),
    ]
    for row in rows {
      #expect(
        await code { try await sample.delivery.deploy(chain: row.chain, key: row.key, bundle: row.bundle) } == row.code)
    }
    #expect(await code { try await sample.delivery.deployTrust(bundle: []) } == "BUNDLE_EMPTY")
    #expect(try sample.folder.picture() == before)
  }

  @Test("the bundle alone can be replaced; a component without one is left alone")
  func trust() async throws {
    var sample = try TestComponent()
    let next = try TestAuthority("Next Root").certificate
    let before = try sample.folder.picture()
    try await sample.delivery.deployTrust(bundle: [sample.authority.certificate, next])
    #expect(try await sample.delivery.bundleNow() == [sample.authority.certificate, next])
    var after = try sample.folder.picture()
    after["roots.pem"] = before["roots.pem"]
    #expect(after == before)
    sample.component.files.trustBundle = nil
    try await sample.delivery.deployTrust(bundle: [next])
    #expect(try await sample.delivery.bundleNow() == [])
  }

  @Test("restored files are what they were byte for byte, with owner and mode, and what was not there is gone")
  func restore() async throws {
    for absent in [[], ["roots.pem"], ["chain.pem", "key.pem", "roots.pem"]] {
      var sample = try TestComponent()
      // What no PEM reader would keep: other text, line ends, a missing last one.
      try sample.folder.write("# by hand\r\n" + sample.identity.chainPEM + "end", to: "chain.pem", mode: 0o640)
      if isRoot {
        try sample.folder.giveAway("chain.pem", to: 65_534, group: 1)
        try sample.folder.giveAway("key.pem", to: 1, group: 65_534)
      }
      for name in absent { unlink(sample.folder.path(name)) }
      let before = try sample.folder.picture()
      let (_, snapshot) = await sample.inspect()
      if isRoot { sample.component.files.owner = "2" }
      let identity = try sample.authority.child()
      try await sample.delivery.deploy(
        chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
      #expect(try sample.folder.picture() != before)
      try await sample.delivery.restore(snapshot, roles: Self.all)
      #expect(try sample.folder.picture() == before, "\(absent)")
      try await sample.delivery.verifyRestored(snapshot, served: [])
    }
  }

  @Test("only files of the roles that are named are restored")
  func roles() async throws {
    let sample = try TestComponent()
    let before = try sample.folder.picture()
    let (_, snapshot) = await sample.inspect()
    let identity = try sample.authority.child()
    let next = try TestAuthority("Next Root").certificate
    try await sample.delivery.deploy(chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [next])
    try await sample.delivery.restore(snapshot, roles: [.certificateChain, .key])
    #expect(try sample.folder.picture().filter { $0.key != "roots.pem" } == before.filter { $0.key != "roots.pem" })
    #expect(try await sample.delivery.bundleNow() == [next])
    #expect(await code { try await sample.delivery.verifyRestored(snapshot, served: []) } == "NOT_AS_BEFORE")
    try await sample.delivery.restore(snapshot, roles: [.trustBundle])
    #expect(try sample.folder.picture() == before)
  }

  @Test("files that are as they were are left alone: restoring twice changes nothing the second time")
  func twice() async throws {
    let sample = try TestComponent()
    let (_, snapshot) = await sample.inspect()
    let refusing = TargetAccess.local(observe: { _ in
      throw DeliveryFailure(code: "TOUCHED", sentence: "Something was replaced.", advice: "")
    })
    let delivery = ComponentDelivery(component: sample.component, access: refusing)
    #expect(await code { try await delivery.restore(snapshot, roles: Self.all) } == nil)
    chmod(sample.folder.path("chain.pem"), 0o666)
    #expect(await code { try await delivery.restore(snapshot, roles: Self.all) } == "TOUCHED")
  }

  @Test("a file whose content could not be kept is told, and the others are put back first")
  func nothingKept() async throws {
    let sample = try TestComponent()
    // Too large to be read and kept, but not to be replaced.
    try sample.folder.write(String(repeating: "\n", count: TargetFile.maximumBytes + 1), to: "roots.pem")
    let (_, snapshot) = await sample.inspect()
    #expect(snapshot.map(\.file.role) == [.certificateChain, .key])
    // Nothing was replaced yet, so nothing is missing.
    try await sample.delivery.restore(snapshot, roles: Self.all)
    let identity = try sample.authority.child()
    try await sample.delivery.deploy(
      chain: identity.chain, key: try identity.key.pkcs8PEM(), bundle: [sample.authority.certificate])
    let failed = await failure { try await sample.delivery.restore(snapshot, roles: Self.all) }
    #expect(failed?.code == "NOTHING_KEPT")
    #expect(failed?.failure.sentence.contains("roots.pem") == true)
    #expect(try sample.folder.text("chain.pem") == sample.identity.chainPEM)
  }

  @Test("a restored component serves on the wire what it served before, and is silent where it was")
  func verifyRestored() async throws {
    let authority = try TestAuthority()
    let (old, new) = (try authority.child(), try authority.child())
    let shown = Shown(old)
    let server = try TestListener.tls { _ in shown.identity.withLock { $0 } }
    try await TestListener.withSilentPort { silent in
      let endpoints = [server.port, silent].map { Endpoint(host: "127.0.0.1", port: $0) }
      let sample = try TestComponent(endpoints: endpoints, identity: old, authority: authority)
      let (findings, snapshot) = await sample.inspect()
      #expect(findings.served.count == 1)
      try await sample.delivery.verifyRestored(snapshot, served: findings.served)
      shown.identity.withLock { $0 = new }
      let failed = await failure { try await sample.delivery.verifyRestored(snapshot, served: findings.served) }
      #expect(failed?.code == "NOT_AS_BEFORE")
      #expect(failed?.failure.sentence.contains("127.0.0.1:\(server.port)") == true)
    }
  }

  /// How an activation ends, and what is said of it.
  struct Ending: Sendable, CustomTestStringConvertible {
    let name: String
    let script: String
    let code: String?
    let part: String
    var testDescription: String { name }
  }

  @Test(
    "an activation tells how its command ended, with what it said",
    arguments: [
      Ending(name: "well", script: "echo said", code: nil, part: "said\n"),
      Ending(name: "with a status", script: "echo said; exit 3", code: "COMMAND_FAILED", part: "status 3"),
      Ending(name: "by a signal", script: "echo said; kill -9 $$", code: "COMMAND_KILLED", part: "signal 9"),
      Ending(name: "too late", script: "echo said; sleep 60", code: "COMMAND_TIMED_OUT", part: "within 1 seconds"),
    ])
  func activation(row: Ending) async throws {
    var sample = try TestComponent()
    sample.component.activation = Activation(method: .command(["/bin/sh", "-c", row.script]), timeLimit: 1)
    do {
      let output = try await sample.delivery.activate().output
      #expect(row.code == nil && output == row.part)
    } catch let failure as DeliveryFailure {
      #expect(failure.code == row.code)
      #expect(failure.failure.sentence.contains(row.part), "\(failure)")
      #expect(failure.failure.sentence.contains("“Gateway” (/bin/sh -c"), "\(failure)")
      #expect(failure.failure.output == "said\n")
    }
  }

  @Test("no key is in any failure, finding or description")
  func noKeyTold() async throws {
    let sample = try TestComponent()
    let (findings, snapshot) = await sample.inspect()
    let pem = try sample.identity.key.pkcs8PEM().text
    let line = try #require(pem.split(separator: "\n").dropFirst().first)
    var told = "\(findings) \(snapshot)"
    dump(snapshot, to: &told)
    #expect(!told.contains(line) && !told.contains("PRIVATE KEY"))
  }
}

/// What a server shows at the moment.
private final class Shown: Sendable {
  let identity: Mutex<Identity>

  init(_ identity: Identity) { self.identity = Mutex(identity) }
}
