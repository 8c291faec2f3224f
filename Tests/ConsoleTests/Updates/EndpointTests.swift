import Foundation
import Glibc
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import PKI
@testable import Store

/// A real TLS server on a free port of 127.0.0.1, which serves what it was last told to load.
final class TestListener: Sendable {
  let port: UInt16
  private let descriptor: Int32
  private let identity = Mutex<Identity?>(nil)
  private let demanded = Mutex<[Certificate]?>(nil)
  private let greeting: String?
  private let isMute: Bool

  /// - Parameters:
  ///   - greeting: what it says instead of TLS, before it closes.
  ///   - isMute: whether it waits for its clients to leave instead.
  init(greeting: String? = nil, isMute: Bool = false) throws {
    self.greeting = greeting
    self.isMute = isMute
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let descriptor = descriptor
    let isBound = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard isBound else { throw BrowserError(description: "no port: \(errno)") }
    port = UInt16(bigEndian: address.sin_port)
    let thread = Thread { [weak self] in
      while true {
        let client = accept(descriptor, nil, nil)
        guard client >= 0 else { return }
        self?.serve(client)
      }
    }
    thread.start()
  }

  func load(_ identity: Identity) { self.identity.withLock { $0 = identity } }

  /// From now on it demands client certificates of these roots.
  func demand(_ roots: [Certificate]) { demanded.withLock { $0 = roots } }

  private func serve(_ client: Int32) {
    if isMute {
      // Kept until its client has gone; the clients of the tests have time limits of their own.
      Thread {
        var byte: UInt8 = 0
        while recv(client, &byte, 1, 0) > 0 {}
        close(client)
      }.start()
      return
    }
    if let greeting {
      send(client, greeting, greeting.utf8.count, Int32(MSG_NOSIGNAL))
      shutdown(client, Int32(SHUT_WR))
      var byte: UInt8 = 0
      while recv(client, &byte, 1, 0) > 0 {}
      close(client)
      return
    }
    let roots = demanded.withLock { $0 }
    guard let identity = identity.withLock({ $0 }),
      let context = try? TLSContext(
        identity: identity, trusted: roots ?? [], requireClientCertificate: roots != nil),
      let connection = try? TLSConnection.accept(descriptor: client, context: context, timeLimit: .seconds(5))
    else { return }
    connection.close()
  }

  /// Ends the thread.
  func stop() {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }
}

@Suite("Updates that are seen on the wire", .timeLimit(.minutes(2))) struct EndpointTests {
  /// A system with one more component, whose listener loads its files when its command runs.
  func withListener(_ body: (TestSystem, TestListener) async throws -> Void) async throws {
    let listener = try TestListener()
    defer { listener.stop() }
    try await withSystem(["web"]) { system in
      var system = system
      try TestSystem.placeFiles("edge", system.old, in: system.targets, number: 7)
      let endpoint = Endpoint(host: "127.0.0.1", port: listener.port)
      system.components.append(
        try await system.store.addComponent(TestSystem.component("edge", stage: 2, endpoints: [endpoint])))
      let targets = system.targets
      // They keep it, so it must not keep them.
      let load: @Sendable () -> Void = { [weak targets] in
        let files = ["cert", "key"].map { name in
          targets?.file("/srv/edge/\(name).pem")?.content.withBytes { String(decoding: $0, as: UTF8.self) } ?? ""
        }
        guard let chain = try? Certificate.parse(pem: files[0]),
          let key = try? PrivateKey(pem: SecretBytes(utf8: files[1]))
        else { return }
        listener.load(Identity(chain: chain, key: key))
      }
      load()
      targets.onActivation(of: "edge", load)
      try await body(system, listener)
    }
  }

  @Test("What was seen on the wire and only has to last is journaled before its end; what is not watched is not")
  func settles() async throws {
    try await withListener { system, _ in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      var settling: [ActionID] = []
      for entry in try await system.store.journal(id, after: 0, limit: 1_000) {
        if case .event(.actionSettles(let action, attempt: 1)) = entry.content { settling.append(action) }
      }
      let edge = try system.id("edge")
      let kinds: [ActionKind] = [.trust, .verify, .restore, .restoreTrust]
      // On a busy machine an action may end before it is told that it settles.
      #expect(!settling.isEmpty && Set(settling).isSubset(of: kinds.map { ActionID($0, edge) }))
      #expect(
        try await system.journal(id).contains("edge: seen to be right, and watched a moment longer"))
    }
  }

  @Test("A component counts as updated once a handshake shows exactly its new certificate")
  func seen() async throws {
    try await withListener { system, listener in
      let id = try await system.start()
      #expect(try await system.settled(id).outcome == .completed)
      let edge = try system.id("edge")
      let member = try #require(try await system.store.currentSet()?.members[edge])
      let seen = try #require(try await system.store.sightings()[edge]?.first)
      #expect(seen.fingerprint == member.fingerprint)
      #expect(try await system.journal(id).contains("edge: 127.0.0.1:\(listener.port) serves the new certificate"))
      #expect(try await system.browser.get("/components").says("In use"))
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      let back = try #require(try await system.store.sightings()[edge]?.first)
      #expect(back.issuer.contains("Old root"))
    }
  }

  @Test("A command that returns 0 without the new certificate being served is a failure, and Retry runs it again")
  func notReloaded() async throws {
    try await withListener { system, listener in
      let targets = system.targets
      let before = targets.snapshot
      targets.onActivation(of: "edge") {}
      let id = try await system.start()
      let asked = try await system.settled(id)
      let verify = ActionID(.verify, try system.id("edge"))
      #expect(asked.openFailures == [verify])
      #expect(asked.action(verify)?.failure?.sentence.contains("127.0.0.1:\(listener.port)") == true)
      #expect(try await system.decide(id, .abort).outcome == .rolledBack)
      #expect(targets.snapshot == before)
    }
  }

  @Test("Trust that failed can be retried after Continue Update, though its activation loads the new certificate too")
  func trustAfterwards() async throws {
    try await withListener { system, _ in
      system.targets.arm(.trust, at: "edge")
      let id = try await system.start()
      let edge = try system.id("edge")
      #expect(try await system.settled(id).openFailures == [ActionID(.trust, edge)])
      // So the new files are in place afterwards, and the former certificate is still served.
      system.targets.arm(.activate, at: "edge")
      let ended = try await system.decide(id, .continueUpdate)
      #expect(ended.failedActions.map(\.id).contains(ActionID(.activate, edge)))
      #expect(try system.issuer("edge") == "New root")
      let retried = try await system.retry(id, ActionID(.trust, edge))
      #expect(!retried.failedActions.map(\.id).contains(ActionID(.trust, edge)))
    }
  }

  @Test("Test connection shows what is served and changes nothing at the component")
  func connectionTest() async throws {
    try await withListener { system, listener in
      let home = "/components/\(try system.id("edge"))/test"
      let before = system.targets.snapshot
      let answer = try await system.browser.submit(system.browser.get(home), home)
      #expect(answer.status == 200)
      #expect(answer.says("Nothing stands in the way of an update of this component"))
      #expect(answer.says("CN=Old root"))
      #expect(system.targets.snapshot == before)
      #expect(system.targets.log.isEmpty)
      listener.stop()
      #expect(try await system.browser.submit(system.browser.get(home), home).says("No answer"))
    }
  }
}
