import Foundation
import Glibc
import Testing

@testable import reroot

@Suite("What a service manager is told", .timeLimit(.minutes(2))) struct ServiceManagerTests {
  /// A socket that a service manager would listen at.
  private final class Listener: Sendable {
    private let descriptor: Int32

    init(_ name: String) throws {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let path = name.hasPrefix("@") ? [0] + name.utf8.dropFirst() : Array(name.utf8) + [0]
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
      descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
      var limit = timeval(tv_sec: 10, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
      let bound = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
      }
      try #require(bound == 0)
    }

    deinit { close(descriptor) }

    func next() -> String {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = recv(descriptor, &buffer, buffer.count, 0)
      return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }
  }

  @Test("It is told by a datagram, at a path and at an abstract name", arguments: [false, true])
  func told(_ isAbstract: Bool) throws {
    let folder = try TemporaryFolder()
    let name = isAbstract ? "@reroot-test-\(UUID().uuidString)" : folder.path + "/notify"
    let listener = try Listener(name)
    let manager = ServiceManager(socket: name)
    #expect(manager.tell(.ready, .status("Serving\nSTOPPING=1")))
    #expect(listener.next() == "READY=1\nSTATUS=Serving STOPPING=1")
    #expect(manager.tell(.stopping))
    #expect(listener.next() == "STOPPING=1")
  }

  @Test("Without one nothing is said; a name that is none is taken for none; one that has gone is said to have")
  func silent() throws {
    for name in [nil, "", "@", "relative", "/" + String(repeating: "a", count: 107)] {
      #expect(ServiceManager(socket: name).tell(.ready))
    }
    #expect(!ServiceManager(socket: "/nowhere/notify").tell(.ready))
  }
}
