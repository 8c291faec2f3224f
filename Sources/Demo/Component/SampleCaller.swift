import Foundation
import PKI

/// The calling half of a sample component: one peer, called at a steady pace from a thread of its own.
struct SampleCaller: Sendable {
  let peer: SamplePeer
  let callsPerSecond: Int
  /// The context to call with at this moment; nil while the component has no certificate.
  let context: @Sendable () -> TLSContext?
  /// Takes the result of every call.
  let report: @Sendable (_ peer: String, CallResult) -> Void

  /// Calls until the process ends.
  func start() {
    Thread.detachNewThread {
      let pace = Duration.seconds(1) / max(1, callsPerSecond)
      let clock = ContinuousClock()
      var next = clock.now
      while true {
        let begun = clock.now
        if let context = context() { report(peer.name, call(context)) }
        // After a pause longer than the pace the calls that were missed are not made up for.
        next = max(next + pace, clock.now + Self.rest(after: clock.now - begun))
        Thread.sleep(forTimeInterval: clock.now.duration(to: next) / .seconds(1))
      }
    }
  }

  /// For how long nobody calls after a call that took so long: where the machine cannot keep up, the calls become fewer, and
  /// leave the greater part of it to the update that they are to show.
  static func rest(after call: Duration) -> Duration { min(call * 4, .seconds(2)) }

  /// One handshake, and a byte each way: under TLS 1.3 a client learns only from what it reads next whether its own
  /// certificate was accepted (RFC 8446, appendix E.1.6), and it reads first so that it gets the reason too.
  private func call(_ context: TLSContext) -> CallResult {
    do {
      let connection = try TLSConnection.connect(
        host: peer.host, port: peer.port, serverName: peer.serverName, context: context,
        timeLimit: SampleServer.timeLimit)
      defer { connection.close() }
      guard try connection.read(maximum: 1) == [SampleServer.greeting] else {
        return .refused("The \(peer.name) ended the connection without a greeting.")
      }
      try connection.write([SampleServer.question])
      return .accepted
    } catch let error as PKIError where error.code == "CONNECTION_REFUSED" {
      return .unreachable
    } catch {
      return .refused(SampleFailure.sentence(of: error))
    }
  }
}

/// What became of one call.
enum CallResult: Sendable, Hashable {
  case accepted
  case refused(String)
  case unreachable
}
