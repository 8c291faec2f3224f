import Foundation
import PKI

/// Says something to a Unix socket of this machine and hears the answer to its end.
enum LocalSocket {
  /// How long an answer may be in bytes: 64 KiB.
  static let longestAnswer = 64 << 10
  /// How long the path may be in bytes (unix(7): 108, with the end mark).
  static let longestPath = 107

  /// Blocking, for the time limit at most. The other side ends the conversation by closing.
  static func converse(_ path: String, _ message: SecretBytes, within limit: Duration) throws -> String {
    let deadline = ContinuousClock.now + limit
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw DeliveryFailure.system(errno, "Opening a socket") }
    defer { close(descriptor) }
    try connect(descriptor, to: path)
    try say(message, descriptor, path, deadline)
    return try hear(descriptor, path, deadline)
  }

  private static func connect(_ descriptor: Int32, to path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    guard path.utf8.count <= longestPath else {
      throw broken(path, "its path is longer than \(longestPath) bytes")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0 else {
      let reason = String(cString: strerror(errno))
      throw DeliveryFailure(
        code: "SOCKET_UNREACHABLE", sentence: "The socket \(path) cannot be connected to: \(reason).",
        advice:
          "Check that its program runs, that this is the path in its configuration, and that Reroot's user may use "
          + "the socket.")
    }
  }

  private static func say(
    _ message: SecretBytes, _ descriptor: Int32, _ path: String, _ deadline: ContinuousClock.Instant
  ) throws {
    var offset = 0
    while offset < message.count {
      let sent = message.withBytes {
        send(descriptor, $0.baseAddress.map { $0 + offset }, message.count - offset, Int32(MSG_NOSIGNAL))
      }
      if sent > 0 {
        offset += sent
      } else {
        try wait(descriptor, Int16(POLLOUT), path, deadline)
      }
    }
  }

  private static func hear(_ descriptor: Int32, _ path: String, _ deadline: ContinuousClock.Instant) throws -> String {
    var answer: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count == 0 { return VisibleText.lines(String(decoding: answer, as: UTF8.self)) }
      if count > 0 {
        answer += buffer.prefix(count)
        guard answer.count <= longestAnswer else { throw broken(path, "its answer is longer than 64 KiB") }
      } else {
        try wait(descriptor, Int16(POLLIN), path, deadline)
      }
    }
  }

  private static func wait(
    _ descriptor: Int32, _ events: Int16, _ path: String, _ deadline: ContinuousClock.Instant
  ) throws {
    guard errno == EAGAIN || errno == EINTR else { throw broken(path, String(cString: strerror(errno))) }
    let left = (deadline - .now) / .milliseconds(1)
    guard left > 0 else { throw silent(path) }
    var poll = pollfd(fd: descriptor, events: events, revents: 0)
    _ = Glibc.poll(&poll, 1, Int32(min(left.rounded(.up), 60_000)))
  }

  /// That no answer came, or not its end, within the limit.
  static func silent(_ path: String) -> DeliveryFailure { broken(path, "it gives no answer in time") }

  private static func broken(_ path: String, _ reason: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "SOCKET_BROKEN", sentence: "The conversation over the socket \(path) failed: \(reason).",
      advice: "Check that the path is the one of the right program, and what its log says.")
  }
}
