import Foundation
import Glibc
import Testing

@Suite("reroot demo", .timeLimit(.minutes(3))) struct DemoCommandTests {
  /// A port of the loopback that something listens on.
  private final class TakenPort: Sendable {
    let number: UInt16
    private let descriptor: Int32

    init() throws {
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let result = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, size) | listen(descriptor, 1) | getsockname(descriptor, $0, &size)
        }
      }
      try #require(result == 0)
      self.descriptor = descriptor
      number = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
  }

  @Test("A first start that fails does not take the password with it: the next one prints one")
  func failedStart() async throws {
    let folder = try TemporaryFolder()
    let taken = try TakenPort()
    let words = ["demo", "--data", folder.path + "/demo", "--listen"]
    let failed = try await reroot(words + ["127.0.0.1:\(taken.number)"])
    #expect(failed.status == 1 && !failed.output.contains("Password"), "\(failed)")
    #expect(FileManager.default.fileExists(atPath: folder.path + "/demo/console/reroot.sqlite"))
    for _ in 1...2 {
      let demo = try RerootProcess(words + ["127.0.0.1:0"])
      let line = try await demo.waits(for: "Password +[^ \n]+\n")
      #expect(line.count > 25)
      demo.terminate()
      #expect(await demo.end().status == 0)
    }
  }
}
