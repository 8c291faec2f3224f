import Delivery
import Foundation
import HTTP
import PKI
import Store
import Synchronization

/// Keeps the certificate that the console serves HTTPS with, in the running server and in the store alike.
public final class HTTPSKeeper: Sendable {
  private let store: Store
  private let server = Mutex<HTTPServer?>(nil)
  private let record: Mutex<HTTPSRecord>

  /// For how long a certificate of the console's own making is valid, in seconds: two years.
  static let ownLifetime: TimeInterval = 730 * 86_400
  /// It is made anew at a start when so little is left, in seconds.
  static let ownRenewal: TimeInterval = 60 * 86_400

  /// Takes what the store says, or makes a certificate of its own at the first start and when its own one ends soon.
  init(store: Store, host: String, workThreads: WorkThreads, clock: @Sendable () -> Date) async throws {
    self.store = store
    let now = clock()
    if let found = try await store.https(), !Self.endsSoon(found, now) {
      record = Mutex(found)
      return
    }
    let own = try await workThreads.run { try Self.makeOwn(host: host, now: now) }
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
    let next = HTTPSRecord(source: source, chain: chain, key: key, since: Date())
    // The server tries whether chain and key fit together: what it cannot serve must not be found at the next start.
    try server.withLock { $0 }?.replaceIdentity(Self.identity(next))
    do {
      try await store.setHTTPS(source, chain: chain, key: key, update: update)
    } catch {
      try server.withLock { $0 }?.replaceIdentity(Self.identity(former))
      throw error
    }
    record.withLock { $0 = next }
  }

  func attach(_ server: HTTPServer) { self.server.withLock { $0 = server } }

  func serverIdentity() -> ServerIdentity { Self.identity(current) }

  private static func identity(_ record: HTTPSRecord) -> ServerIdentity {
    ServerIdentity(chainPEM: record.chain.map(\.pem).joined(), keyPEM: record.key.withBytes { Array($0) })
  }

  private static func endsSoon(_ record: HTTPSRecord, _ now: Date) -> Bool {
    guard record.source == .own, let leaf = record.chain.first else { return false }
    return leaf.notAfter < now.addingTimeInterval(ownRenewal)
  }

  private static func makeOwn(host: String, now: Date) throws -> Identity {
    try SelfSigned.consoleIdentity(
      names: names(host: host), notBefore: now.addingTimeInterval(-3600), notAfter: now.addingTimeInterval(ownLifetime))
  }

  /// The names that a browser on this machine or beside it may use: the machine's, `localhost`, and the address that is
  /// listened on unless it stands for all of them.
  static func names(host: String) -> [AlternativeName] {
    var texts = [ProcessInfo.processInfo.hostName, "localhost", host, "127.0.0.1", "::1"]
    texts.removeAll { ["0.0.0.0", "::", ""].contains($0) }
    var names: [AlternativeName] = []
    for text in texts {
      if let name = try? AlternativeName(parsing: text), !names.contains(name) { names.append(name) }
    }
    return names
  }
}
