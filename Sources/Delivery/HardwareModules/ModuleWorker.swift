import Foundation
import PKI

/// Lets a hardware module sign, in a process of its own: a module is foreign code, which may hang or crash, and has no
/// business in the memory of the console.
public struct ModuleWorker: Sendable {
  /// The program and its first argument; the same that runs the console.
  private let words: [String]
  private let limit: Duration

  /// More is no answer.
  private static let outputLimit = 64 << 10

  /// - Parameters:
  ///   - words: the program, and the words that make it carry out one order.
  ///   - limit: for one signature.
  public init(_ words: [String], limit: Duration) {
    self.words = words
    self.limit = limit
  }

  /// Has an order carried out. Blocking, at most for the limit.
  ///
  /// - Parameter call: what it is done for; its end is noticed at once.
  /// - Throws: ``PKIError`` with the code and the sentence of what went wrong; `CancellationError` once nobody wants it any
  ///   more.
  public func carryOut(_ order: TokenOrder, pin: SecretBytes, for call: ModuleCall = ModuleCall()) throws -> TokenAnswer
  {
    try call.requireWanted()
    let message = try order.message(pin: pin)
    let process = try FarProcess(words, environment: Self.environment)
    call.begun { process.signal(SIGKILL) }
    let deadline = ContinuousClock.now + limit
    let isSent = message.withBytes { Self.send($0, to: process, until: deadline) }
    process.closeInput()
    let output = isSent ? Self.receive(process, until: deadline) : nil
    if output == nil { process.signal(SIGKILL) }
    let status = process.wait()
    call.ended()
    guard let output else {
      try call.requireWanted()
      throw PKIError(
        code: "TOKEN_TIMED_OUT",
        sentence:
          "The hardware module \(order.module) has not answered within \(Self.seconds(limit)) and was given up. Look at "
          + "it with its own tool, then try again.")
    }
    // An answer counts also when nobody wants it any more: that a PIN is wrong, say.
    guard let answer = try? JSONDecoder().decode(TokenAnswer.self, from: Data(output)) else {
      try call.requireWanted()
      throw PKIError(
        code: "TOKEN_MODULE_CRASHED",
        sentence:
          "The hardware module \(order.module) has ended its process without an answer (status \(status)). Look at it "
          + "with its own tool, then try again.")
    }
    if let code = answer.code { throw PKIError(code: code, sentence: answer.sentence ?? "The hardware module failed.") }
    return answer
  }

  /// Modules find their configuration by variables of their own (SOFTHSM2_CONF, say), so they get them all; none of them
  /// is a secret of Reroot's. Where its credentials are is none of theirs.
  private static var environment: [String] {
    ProcessInfo.processInfo.environment.filter { $0.key != "CREDENTIALS_DIRECTORY" }.map { "\($0.key)=\($0.value)" }
  }

  private static func seconds(_ limit: Duration) -> String {
    limit == .seconds(1) ? "1 second" : "\(limit.components.seconds) seconds"
  }

  private static func send(
    _ bytes: UnsafeRawBufferPointer, to process: FarProcess, until deadline: ContinuousClock.Instant
  )
    -> Bool
  {
    var rest = bytes[...]
    while !rest.isEmpty {
      guard let input = process.input, wait(for: input, Int16(POLLOUT), until: deadline) else { return false }
      let count = write(input, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if count < 0, errno != EINTR, errno != EAGAIN {
        // It has ended already; what it answered says why.
        return true
      }
    }
    return true
  }

  /// All of its standard output; nil when the time is over first. What it writes to standard error is read and dropped, so
  /// that it does not wait for a reader.
  private static func receive(_ process: FarProcess, until deadline: ContinuousClock.Instant) -> [UInt8]? {
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while wait(for: process.output, Int16(POLLIN), until: deadline, draining: process.errors) {
      let count = read(process.output, &buffer, buffer.count)
      if count == 0 { return output }
      if count > 0, output.count < outputLimit { output += buffer[..<count] }
      if count < 0, errno != EINTR, errno != EAGAIN { return output }
    }
    return nil
  }

  private static func wait(
    for descriptor: Int32, _ event: Int16, until deadline: ContinuousClock.Instant, draining other: Int32? = nil
  ) -> Bool {
    var dropped = [UInt8](repeating: 0, count: 4096)
    while true {
      let left = deadline - .now
      guard left > .zero else { return false }
      var polled = [pollfd(fd: descriptor, events: event, revents: 0)]
      let count = poll(&polled, 1, min(100, Int32(left / .milliseconds(1)) + 1))
      // No more than that at a time: who writes without end must not keep the deadline from being looked at.
      if let other { for _ in 0..<16 where read(other, &dropped, dropped.count) <= 0 { break } }
      if count > 0 { return true }
    }
  }
}
