import Foundation
import Rotation

@testable import Delivery

/// A real sshd on loopback, with keys of its own, for the user that runs the tests. It neither reads nor writes that user's
/// login files.
final class TestSSHServer: Sendable {
  let folder: TestFolder
  let port: UInt16
  let hostKey: String
  private let process: FarProcess

  init() async throws {
    folder = try TestFolder()
    chmod(folder.path, 0o700)
    for name in ["host", "user", "stranger"] { try Self.makeKey(folder.path(name)) }
    hostKey = try folder.text("host.pub").split(separator: " ").prefix(2).joined(separator: " ")
    try folder.write(try folder.text("user.pub"), to: "authorized", mode: 0o600)
    port = try Self.freePort()
    // SHLVL: Debian's bash reads ~/.bashrc for a command over SSH unless it is below another shell.
    try folder.write(
      """
      Port \(port)
      ListenAddress 127.0.0.1
      HostKey \(folder.path("host"))
      AuthorizedKeysFile \(folder.path("authorized"))
      PidFile none
      StrictModes no
      UsePAM no
      PermitRootLogin yes
      PasswordAuthentication no
      KbdInteractiveAuthentication no
      PermitUserEnvironment no
      PermitUserRC no
      PrintMotd no
      PrintLastLog no
      SetEnv SHLVL=9
      LogLevel ERROR
      """, to: "sshd_config")
    // Where sshd puts its child away; a started system has it (sshd(8)).
    if isRoot { mkdir("/run/sshd", 0o755) }
    process = try FarProcess(
      ["/usr/sbin/sshd", "-D", "-e", "-f", folder.path("sshd_config"), "-E", folder.path("log")],
      environment: ["PATH=/usr/bin:/bin"])
    let port = port
    guard await eventually({ Self.listens(port) }) else { throw SSHTestFailure("sshd does not listen") }
  }

  deinit {
    for child in children { kill(child, SIGKILL) }
    process.signal(SIGKILL)
    _ = process.wait()
  }

  /// The target that this server is.
  func target(_ change: (inout SSHTarget) -> Void = { _ in }) -> SSHTarget {
    var target = SSHTarget(
      host: "127.0.0.1", port: port, user: NSUserName(), identityFile: folder.path("user"), hostKey: hostKey)
    change(&target)
    return target
  }

  /// Sends a signal to the process that listens.
  func signal(_ number: Int32) { process.signal(number) }

  /// The processes of its connections, with everything below them.
  var children: [pid_t] { Self.below(process.identifier) }

  /// Those that serve a connection each.
  var connections: Int { Self.childrenOf(process.identifier).count }

  private static func below(_ parent: pid_t) -> [pid_t] {
    childrenOf(parent).flatMap { below($0) + [$0] }
  }

  private static func childrenOf(_ parent: pid_t) -> [pid_t] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return all.compactMap { pid_t($0) }.filter { number in
      guard let text = try? String(contentsOfFile: "/proc/\(number)/stat", encoding: .utf8),
        let end = text.lastIndex(of: ")")
      else { return false }
      let fields = text[text.index(after: end)...].split(separator: " ")
      return fields.count > 1 && fields[1] == String(parent) && fields[0] != "Z"
    }
  }

  static func makeKey(_ path: String) throws {
    let maker = try FarProcess(
      ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], environment: ["PATH=/usr/bin:/bin"])
    guard maker.wait() == 0 else { throw SSHTestFailure("no key was made") }
  }

  static func freePort() throws -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(0)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
      }
    }
    guard isBound else { throw SSHTestFailure("no port is free") }
    return UInt16(bigEndian: address.sin_port)
  }

  private static func listens(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = loopback(port)
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  private static func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }
}

struct SSHTestFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension TestSSHServer {
  /// A well-formed key of nobody.
  static let sampleKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHbnEFO+gqJKYpeAugrdHywFv5MyC7Ayhx1kX6CATMf4"

  /// Whether a process is sshd's own, and not a script below it.
  func isConnection(_ number: pid_t) -> Bool {
    (try? String(contentsOfFile: "/proc/\(number)/comm", encoding: .utf8))?.hasPrefix("sshd") == true
  }
}
