import Foundation
import PKI
import Synchronization

/// What came back from a script.
struct FarAnswer: Sendable {
  /// Standard output after the mark of the beginning. It may be a private key.
  var output = SecretBytes([])
  /// Whether standard output was given to its end, which its mark says.
  var isWhole = false
  /// Whether both streams have come to their marks: nothing of the script is left there, or still to come.
  var isOver = false
  /// What the script reported, each report in its fields, without what was sent in secret.
  var reports: [[String]] = []
  /// What else was written to standard error: by ssh, by sudo, by tools; without what was sent in secret.
  var noise = ""
  /// Whether the script was allowed to go on.
  var wentOn = false
  /// How the local program ended.
  var status: Int32 = 0
  /// Whether the local limit was over first.
  var isExpired = false

  /// The fields after the word of the first such report.
  func report(_ word: String) -> [String]? { reports.first { $0.first == word }.map { Array($0.dropFirst()) } }
  /// Whether the script ran at all.
  var began: Bool { report("begin") != nil }
  /// Whether it came to its end and its whole output came back.
  var isDone: Bool { isWhole && report("done") != nil }
  /// Whether the shell may be given another script. One that ended otherwise may have left a lock in its name.
  var leavesShell: Bool { isOver && (report("done") != nil || report("fail") != nil) }
}

/// Gives a script to a shell behind a program such as ssh and takes in what comes back, until the script is over, the
/// program ends, or the time is over.
final class FarConversation: Sendable {
  /// More is not kept of standard output for each file in it: one of the largest size in base64, and its line ends.
  private static let outputLimit = 2 << 20
  private static let errorLimit = 64 << 10
  /// For so long, once a script or its command has ended, it is waited for that both streams come to their ends.
  private static let grace = Duration.seconds(1)
  /// For so long, after the last of it, what a script had still to say is waited for.
  private static let rest = Duration.seconds(3)

  private let script: FarScript
  private let limit: Duration
  private let isCancelled = Mutex(false)

  init(_ script: FarScript, limit: Duration) {
    self.script = script
    self.limit = limit
  }

  /// Gives up: whatever runs on the other machine reads the end of its input, and the program is soon ended.
  func cancel() { isCancelled.withLock { $0 = true } }

  /// Whether it was given up.
  var wasCancelled: Bool { isCancelled.withLock { $0 } }

  /// Holds the conversation. Afterwards the shell waits for another script, or has been ended. Blocking.
  func hold(in shell: FarProcess) -> FarAnswer {
    var exchange = Exchange(script: script, process: shell, deadline: .now + limit)
    exchange.run { self.wasCancelled }
    guard !exchange.answer.leavesShell || shell.input == nil else { return exchange.answer }
    // Without a reader it ends by itself; what hangs is not waited for.
    shell.closeInput()
    if exchange.answer.isExpired || !exchange.isClosed { shell.signal(SIGKILL) }
    exchange.answer.status = shell.wait()
    return exchange.answer
  }

  private struct Exchange {
    let script: FarScript
    let process: FarProcess
    var deadline: ContinuousClock.Instant
    var answer = FarAnswer()
    private var sent = 0
    private var more: [UInt8] = []
    private var output: [UInt8] = []
    private var hasBegun = false
    /// Which of the streams has come to the script's mark.
    private var over = (output: false, errors: false)
    private var errors: [UInt8] = []
    private var isOverlong = false
    private let limit: ContinuousClock.Instant
    private var outputLimit: Int { FarConversation.outputLimit * script.files }
    private lazy var redaction = Redaction(of: script.secrets)
    private var noise = CommandOutput()
    private var open = (output: true, errors: true)
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)
    private var ending: ContinuousClock.Instant?
    private var lastRead = ContinuousClock.now

    init(script: FarScript, process: FarProcess, deadline: ContinuousClock.Instant) {
      self.script = script
      self.process = process
      self.deadline = deadline
      limit = deadline
      // So that it never grows, which would leave copies behind.
      output.reserveCapacity(outputLimit + buffer.count)
    }

    var isClosed: Bool { !open.output && !open.errors }

    mutating func run(_ isCancelled: () -> Bool) {
      while !isClosed, !(over.output && over.errors) {
        let now = ContinuousClock.now
        if now >= deadline {
          answer.isExpired = ending == nil
          break
        }
        if ending == nil, isCancelled() { end(within: .zero) }
        if let ending, now >= ending {
          process.closeInput()
          // What holds a command's output open may do so for ever; what is still on its way over a slow link is taken in.
          if answer.report("ended") != nil, now - lastRead >= FarConversation.grace { break }
        }
        step(timeout: wait(now), isCancelled)
      }
      explicit_bzero(&buffer, buffer.count)
      answer.noise = noise.text
      if over.output { output.removeLast(script.endMark.count) }
      if hasBegun { answer.output = SecretBytes(output) }
      answer.isWhole = over.output && output.count < outputLimit
      answer.isOver = over.output && over.errors
      explicit_bzero(&output, output.count)
    }

    /// In milliseconds, at most a tenth of a second, so that a cancellation is noticed even if nothing moves.
    private func wait(_ now: ContinuousClock.Instant) -> Int32 {
      let next = min(deadline, ending ?? deadline, now + .milliseconds(100))
      let left = max(.milliseconds(1), next - now)
      return Int32(left / .milliseconds(1)) + 1
    }

    private mutating func step(timeout: Int32, _ isCancelled: () -> Bool) {
      let pending = sent < script.text.count || !more.isEmpty
      let input = pending ? process.input : nil
      var polls = [
        pollfd(fd: open.output ? process.output : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: open.errors ? process.errors : -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: input ?? -1, events: Int16(POLLOUT), revents: 0),
      ]
      guard poll(&polls, 3, timeout) > 0 else { return }
      if polls[0].revents != 0 { readOutput() }
      if polls[1].revents != 0 { readErrors(isCancelled) }
      if polls[2].revents != 0, let input { write(to: input) }
    }

    private mutating func write(to input: Int32) {
      let count: Int
      if sent < script.text.count {
        count = script.text.withBytes { bytes in
          let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
          return Glibc.write(input, rest.baseAddress, rest.count)
        }
        if count > 0 { sent += count }
      } else {
        count = more.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
        if count > 0 { more.removeFirst(count) }
      }
      // Nobody reads any more; what was said until then is still taken in.
      if count < 0, errno != EAGAIN, errno != EINTR { process.closeInput() }
    }

    private mutating func readOutput() {
      let count = Glibc.read(process.output, &buffer, buffer.count)
      if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { open.output = false }
      guard count > 0 else { return }
      lastRead = .now
      // Over a slow link a file may be on its way for longer than the script's last words.
      if answer.report("done") != nil { deadline = min(limit, .now + FarConversation.rest) }
      guard output.count < outputLimit else { return }
      output.append(contentsOf: buffer.prefix(count))
      // Whatever a login shell greets with comes before the mark.
      if !hasBegun, let start = output.firstRange(of: Array("\(script.token) begin\n".utf8)) {
        hasBegun = true
        output.removeFirst(start.upperBound)
      }
      // Nobody but the script knows its token, and nothing is written after the mark.
      over.output = hasBegun && output.suffix(script.endMark.count).elementsEqual(script.endMark)
    }

    private mutating func readErrors(_ isCancelled: () -> Bool) {
      let count = Glibc.read(process.errors, &buffer, buffer.count)
      if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) {
        open.errors = false
        if !errors.isEmpty, !isOverlong { noise.append(redaction.applied(to: errors)) }
        return
      }
      guard count > 0 else { return }
      lastRead = .now
      errors.append(contentsOf: buffer.prefix(count))
      while let end = errors.firstIndex(of: 0x0A) {
        if !isOverlong { take(Array(errors[..<end]), isCancelled) }
        isOverlong = false
        errors.removeFirst(end + 1)
      }
      // No report is as long as that. The rest of the line is left out, and so is what may be the beginning of a secret.
      if errors.count > FarConversation.errorLimit {
        if !isOverlong {
          noise.append(
            redaction.applied(to: errors).dropLast(Redaction.usualLength) + Array("[… the rest of the line]\n".utf8))
        }
        isOverlong = true
        errors = []
      }
    }

    private mutating func take(_ line: [UInt8], _ isCancelled: () -> Bool) {
      // One comes before the mark.
      guard !line.isEmpty else { return }
      let start = Array("\(script.token) ".utf8)
      guard line.starts(with: start), answer.reports.count < 1000 else {
        noise.append(redaction.applied(to: line) + [0x0A])
        return
      }
      let text = String(decoding: redaction.applied(to: Array(line.dropFirst(start.count))), as: UTF8.self)
      let fields = text.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
      answer.reports.append(fields)
      switch fields.first {
      case "ready":
        // Only who still wants it says so.
        guard !isCancelled(), ContinuousClock.now < deadline else { return }
        more += script.permission
        answer.wentOn = true
      case "ended", "done", "fail": end(within: FarConversation.grace)
      case "over": over.errors = true
      default: break
      }
    }

    /// The script is over but for its last words.
    private mutating func end(within time: Duration) {
      let now = ContinuousClock.now
      ending = ending.map { min($0, now + time) } ?? now + time
      deadline = min(deadline, now + FarConversation.rest)
    }
  }
}
