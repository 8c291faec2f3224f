import Foundation
import PKI

/// The answering half of a sample component: a byte each way, and the connection is over.
struct SampleServer: Sendable {
  /// How many connections are served at once; a silent client holds one of them for the time limit at most.
  static let workers = 4
  static let timeLimit = Duration.seconds(5)
  static let greeting = UInt8(ascii: "!")
  static let question = UInt8(ascii: "?")

  let listener: Listener
  /// The context to serve with at this moment; nil while the component has no certificate.
  let context: @Sendable () -> TLSContext?

  /// Serves with threads of its own until the process ends.
  func start() {
    for _ in 0..<Self.workers {
      Thread.detachNewThread { while true { serveNext() } }
    }
  }

  private func serveNext() {
    guard let descriptor = listener.accept() else {
      // Out of descriptors, say: trying again at once would only keep the processor busy.
      usleep(10_000)
      return
    }
    guard let context = context() else {
      close(descriptor)
      return
    }
    // Nothing is counted on this side: whoever only looks at the certificate shows none, and is rightly refused.
    do {
      let connection = try TLSConnection.accept(descriptor: descriptor, context: context, timeLimit: Self.timeLimit)
      defer { connection.close() }
      try connection.write([Self.greeting])
      _ = try connection.read(maximum: 1)
    } catch {}
  }
}
