import Glibc

/// The service manager that has started the program and wants to know when it is ready (sd_notify(3)): systemd with
/// `Type=notify`. Where there is none, nothing is said to nobody.
struct ServiceManager: Sendable {
  /// What can be said to it.
  enum Message: Sendable, Hashable {
    /// The console answers.
    case ready
    /// The end has begun.
    case stopping
    /// What the program is doing, in one line.
    case status(String)

    /// A line of the protocol. A line's end within a status would begin another assignment.
    var line: String {
      switch self {
      case .ready: "READY=1"
      case .stopping: "STOPPING=1"
      case .status(let text): "STATUS=" + text.split(whereSeparator: \.isNewline).joined(separator: " ")
      }
    }
  }

  /// The socket's address as in `sun_path`; nil without a manager.
  private let address: [UInt8]?

  /// - Parameter socket: the value of `NOTIFY_SOCKET`: the path of a socket, or with `@` in front the name of an abstract one.
  init(socket: String? = getenv("NOTIFY_SOCKET").map { String(cString: $0) }) {
    // sun_path has room for 108 bytes, of which a path needs one for its end (unix(7)).
    guard let socket, let first = socket.utf8.first, (2...107).contains(socket.utf8.count) else {
      address = nil
      return
    }
    switch first {
    case UInt8(ascii: "/"): address = Array(socket.utf8) + [0]
    case UInt8(ascii: "@"): address = [0] + socket.utf8.dropFirst()
    default: address = nil
    }
  }

  /// Says something. Whether it was heard makes no difference to the server: a manager that has gone is no reason to end.
  ///
  /// - Returns: false when there is a manager and it could not be told.
  @discardableResult
  func tell(_ messages: Message...) -> Bool {
    guard let address else { return true }
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    // A manager that hangs, with its queue full, is not waited for without end.
    var limit = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let text = Array(messages.map(\.line).joined(separator: "\n").utf8)
    return Self.send(text, to: address, over: descriptor) == text.count
  }

  private static func send(_ text: [UInt8], to path: [UInt8], over descriptor: Int32) -> Int {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path) }
    // The name of an abstract socket has no end but that of the address.
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    return withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(descriptor, text, text.count, Int32(MSG_NOSIGNAL), $0, length)
      }
    }
  }
}
