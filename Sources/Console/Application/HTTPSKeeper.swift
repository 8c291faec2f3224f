import Delivery
import Foundation
import HTTP
import PKI
import Store
import Synchronization

/// Keeps the certificate that the console serves HTTPS with, in the running server and in the store alike.
public final class HTTPSKeeper: Sendable {
  let store: Store
  /// The names that a certificate for this console carries.
  let names: [AlternativeName]
  private let host: String
  private let workThreads: WorkThreads
  private let clock: @Sendable () -> Date
  private let server = Mutex<Listening?>(nil)
  private let record: Mutex<HTTPSRecord>

  private struct Listening {
    let server: HTTPServer
    let port: UInt16
  }

  /// For how long a certificate of the console's own making is valid, in seconds: two years.
  static let ownLifetime: TimeInterval = 730 * 86_400
  /// It is made anew at a start when so little is left, in seconds.
  static let ownRenewal: TimeInterval = 60 * 86_400

  /// Takes what the store says, or makes a certificate of its own at the first start and when its own one is out of date.
  init(store: Store, host: String, workThreads: WorkThreads, clock: @escaping @Sendable () -> Date) async throws {
    self.store = store
    self.host = host
    self.workThreads = workThreads
    self.clock = clock
    names = Self.names(host: host)
    let now = clock()
    if let found = try await store.https(), !Self.isOutOfDate(found, now) {
      record = Mutex(found)
      return
    }
    let names = names
    let own = try await workThreads.run { try Self.makeOwn(names: names, now: now) }
    try await store.setHTTPS(.own, chain: own.chain, key: try own.key.pkcs8PEM(), update: nil)
    record = Mutex(HTTPSRecord(source: .own, chain: own.chain, key: try own.key.pkcs8PEM(), since: now))
  }

  /// What is served now.
  public var current: HTTPSRecord { record.withLock { $0 } }

  /// Serves another certificate from now on. Open connections and streams go on with the one they have.
  ///
  /// Throws what the server or the store says; the former certificate is served then.
  public func replace(
    _ source: HTTPSRecord.Source, chain: [Certificate], key: SecretBytes, update: UpdateRecord.ID?
  ) async throws {
    let former = current
    let next = HTTPSRecord(source: source, chain: chain, key: key, since: clock())
    // The server tries whether chain and key fit together: what it cannot serve must not be found at the next start.
    try server.withLock { $0?.server }?.replaceIdentity(Self.identity(next))
    do {
      try await store.setHTTPS(source, chain: chain, key: key, update: update)
    } catch {
      try server.withLock { $0?.server }?.replaceIdentity(Self.identity(former))
      throw error
    }
    record.withLock { $0 = next }
  }

  /// Says which server serves what is kept here, and where it listens.
  func attach(_ server: HTTPServer, port: UInt16) {
    self.server.withLock { $0 = Listening(server: server, port: port) }
  }

  /// Lets go of the server, which has stopped: it holds what answers its requests, and that holds this.
  func detach() { server.withLock { $0 = nil } }

  /// Where it listens; nil before it does, and once it has stopped.
  var port: UInt16? { server.withLock { $0?.port } }

  /// The chain that this very console shows to whoever connects.
  func lookAtItself() async throws -> [Certificate] {
    guard let port = server.withLock({ $0?.port }) else {
      throw ConsoleError(code: "NOT_SERVING", sentence: "The console does not serve HTTPS yet.")
    }
    let own = ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host
    return try await workThreads.run {
      try ServedChain.look(
        at: own, port: port, serverName: "localhost", beginning: .atOnce, timeLimit: .seconds(10))
    }
  }

  func serverIdentity() -> ServerIdentity { Self.identity(current) }

  private static func identity(_ record: HTTPSRecord) -> ServerIdentity {
    ServerIdentity(chainPEM: record.chain.map(\.pem).joined(), keyPEM: record.key.withBytes { Array($0) })
  }

  /// Whether it ends soon, or begins only later because it was made by a clock that was ahead.
  private static func isOutOfDate(_ record: HTTPSRecord, _ now: Date) -> Bool {
    guard record.source == .own, let leaf = record.chain.first else { return false }
    return leaf.notBefore > now || leaf.notAfter < now.addingTimeInterval(ownRenewal)
  }

  private static func makeOwn(names: [AlternativeName], now: Date) throws -> Identity {
    try SelfSigned.consoleIdentity(
      names: names, notBefore: now.addingTimeInterval(-3600), notAfter: now.addingTimeInterval(ownLifetime))
  }

  /// The names that a browser on this machine or beside it may use: the machine's, `localhost`, and the address that is
  /// listened on unless it stands for all of them.
  static func names(host: String) -> [AlternativeName] {
    var texts = [ProcessInfo.processInfo.hostName, "localhost", host, "127.0.0.1", "::1"]
    texts.removeAll { ["0.0.0.0", "::", ""].contains($0) }
    var names: [AlternativeName] = []
    for text in texts {
      guard let name = try? AlternativeName(parsing: text), !names.contains(name),
        // A machine may have a name that no certificate can carry.
        (try? ChildRequest.checkNames([name])) != nil
      else { continue }
      names.append(name)
    }
    return names
  }
}
