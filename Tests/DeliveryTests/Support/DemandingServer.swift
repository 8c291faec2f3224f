import Foundation
import PKI
import Synchronization

@testable import Delivery

/// A server that demands client certificates of the roots that it was last told to trust, and names them when it asks.
final class DemandingServer: Sendable {
  let listener: TestListener
  private let trusted: Trusted

  init(_ identity: Identity, trusting roots: [Certificate]) throws {
    let trusted = Trusted(roots)
    self.trusted = trusted
    listener = try TestListener { connection, _ in
      do {
        let context = try TLSContext(identity: identity, trusted: trusted.roots, requireClientCertificate: true)
        let tls = try TLSConnection.accept(descriptor: connection, context: context, timeLimit: .seconds(10))
        _ = try tls.read(maximum: 1)
        tls.close()
      } catch {
        // A client that is refused is no failure of the server's.
      }
    }
  }

  func trust(_ roots: [Certificate]) { trusted.set(roots) }

  private final class Trusted: Sendable {
    private let held: Mutex<[Certificate]>
    init(_ roots: [Certificate]) { held = Mutex(roots) }
    var roots: [Certificate] { held.withLock { $0 } }
    func set(_ roots: [Certificate]) { held.withLock { $0 = roots } }
  }
}
