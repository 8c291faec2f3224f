import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

/// A server that means no good.
enum HostileServer: String, Sendable, CaseIterable {
  case mute, drips, dripsTLS, floodsText, floodsHelloRequests, floodsChain, closes, resets, repeatsClientHello

  /// What a look at it may say, and no more than that.
  var codes: Set<String> {
    switch self {
    case .mute, .dripsTLS, .repeatsClientHello: ["NO_ANSWER_IN_TIME"]
    case .drips: ["NO_ANSWER_IN_TIME", "NOT_TLS"]
    case .floodsText, .floodsHelloRequests: ["NOT_TLS"]
    case .floodsChain: ["NOT_TLS", "HANDSHAKE_FAILED", "HANDSHAKE_BROKEN"]
    case .closes, .resets: ["HANDSHAKE_FAILED", "HANDSHAKE_BROKEN", "NOT_TLS"]
    }
  }

  /// Answers one connection until the client has gone.
  func answer(_ connection: Int32) {
    defer { close(connection) }
    switch self {
    case .mute: TestListener.drain(connection)
    case .drips: drip(connection, repeatElement(UInt8(ascii: "a"), count: 10_000))
    // The beginning of a handshake record of the greatest length, a byte at a time.
    case .dripsTLS: drip(connection, [0x16, 0x03, 0x03, 0x40, 0x00, 0x02, 0x00, 0x3F, 0xFC] + zeros(10_000))
    case .floodsText: flood(connection, Array(repeating: UInt8(ascii: "a"), count: 1 << 16))
    // Each is four zero bytes, and a client in a handshake has to ignore them (RFC 5246, section 7.4.1.1).
    case .floodsHelloRequests: flood(connection, [0x16, 0x03, 0x03, 0x40, 0x00] + zeros(1 << 14))
    case .floodsChain:
      _ = TestListener.receive(64, from: connection)
      send(connection, Self.serverHello)
      // A chain of 16 MiB: the message Certificate with the greatest length.
      send(connection, [0x16, 0x03, 0x03, 0x40, 0x00, 0x0B, 0xFF, 0xFF, 0xFF] + zeros((1 << 14) - 4))
      flood(connection, [0x16, 0x03, 0x03, 0x40, 0x00] + zeros(1 << 14))
    case .closes:
      _ = TestListener.receive(64, from: connection)
      send(connection, Array(Self.serverHello.prefix(20)))
    case .resets:
      _ = TestListener.receive(64, from: connection)
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    case .repeatsClientHello:
      let hello = TestListener.receive(200, from: connection)
      send(connection, hello)
      TestListener.drain(connection)
    }
  }

  /// TLS 1.2 with ECDHE-ECDSA-AES128-GCM-SHA256 and nothing else.
  private static let serverHello: [UInt8] =
    [0x16, 0x03, 0x03, 0x00, 0x2A, 0x02, 0x00, 0x00, 0x26, 0x03, 0x03] + [UInt8](repeating: 7, count: 32)
    + [0x00, 0xC0, 0x2B, 0x00]

  private func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  private func send(_ connection: Int32, _ bytes: [UInt8]) {
    Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  private func drip(_ connection: Int32, _ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      guard Glibc.send(connection, [byte], 1, Int32(MSG_NOSIGNAL)) == 1 else { return }
      // A pace, and not a wait for something.
      usleep(20_000)
    }
  }

  private func flood(_ connection: Int32, _ bytes: [UInt8]) {
    while Glibc.send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
  }
}

@Suite("Endpoints that mean no good", .timeLimit(.minutes(1))) struct HostileEndpointTests {
  private func endpoint(_ listener: TestListener) -> Endpoint { Endpoint(host: "127.0.0.1", port: listener.port) }

  @Test("Each costs the look its limit at most, and is told in a sentence", arguments: HostileServer.allCases)
  func limits(_ server: HostileServer) async throws {
    let authority = try TestAuthority()
    let child = try authority.child()
    let listener = try TestListener { connection, _ in server.answer(connection) }
    let start = ContinuousClock.now
    let failed = await failure {
      _ = try await ComponentDelivery(
        component: VerificationTests.component([endpoint(listener)], limit: 1), access: .local()
      ).verify(expected: child.chain[0], root: authority.certificate, previous: nil)
    }
    #expect(ContinuousClock.now - start < .seconds(4))
    let code = failed?.code ?? "nothing"
    #expect(server.codes.contains(code), "\(code): \(failed?.failure.sentence ?? "")")
    #expect(failed?.failure.sentence.contains("127.0.0.1:\(listener.port)") == true)
    #expect(failed?.failure.advice.isEmpty == false)
  }

  @Test("A flood of what a client has to ignore ends after a megabyte, and leaves no thread in it")
  func ignored() throws {
    let sent = Mutex(0)
    let listener = try TestListener { connection, _ in
      let bytes: [UInt8] = [0x16, 0x03, 0x03, 0x40, 0x00] + [UInt8](repeating: 0, count: 1 << 14)
      while send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 { sent.withLock { $0 += bytes.count } }
      close(connection)
    }
    let start = ContinuousClock.now
    // On this very thread: what came back did not stay in the call.
    let error = #expect(throws: PKIError.self) {
      try ServedChain.look(
        at: "127.0.0.1", port: listener.port, serverName: "localhost", beginning: .atOnce, timeLimit: .seconds(30))
    }
    #expect(error?.sentence == "127.0.0.1:\(listener.port) talks without end, and completes no TLS handshake.")
    #expect(ContinuousClock.now - start < .seconds(10))
    #expect(sent.withLock { $0 } < 32 << 20, "it was not listened to for long")
  }

  @Test("A stage whose components all hang at all of their endpoints keeps nobody else from being seen")
  func others() async throws {
    let authority = try TestAuthority()
    let child = try authority.child()
    let mute = try TestListener.mute()
    let good = try TestListener.tls(child)
    let hanging = VerificationTests.component(Array(repeating: endpoint(mute), count: 50), limit: 4)
    let healthy = VerificationTests.component([endpoint(good)], limit: 3)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let failed = await failure {
            _ = try await ComponentDelivery(component: hanging, access: .local())
              .verify(expected: child.chain[0], root: authority.certificate, previous: nil)
          }
          #expect(failed?.code == "NO_ANSWER_IN_TIME")
        }
      }
      #expect(await eventually { mute.accepted >= 400 })
      let seen = try? await ComponentDelivery(component: healthy, access: .local())
        .verify(expected: child.chain[0], root: authority.certificate, previous: nil)
      #expect(seen?.count == 1)
    }
  }

  @Test("Who is told to end stops waiting for a mute server at once")
  func cancelled() async throws {
    let authority = try TestAuthority()
    let child = try authority.child()
    let mute = try TestListener.mute()
    let component = VerificationTests.component([endpoint(mute)], limit: 60)
    let task = Task {
      try await ComponentDelivery(component: component, access: .local())
        .verify(expected: child.chain[0], root: authority.certificate, previous: nil)
    }
    #expect(await eventually { mute.accepted > 0 })
    let start = ContinuousClock.now
    task.cancel()
    _ = await task.result
    #expect(ContinuousClock.now - start < .seconds(1))
  }
}

@Suite("Sockets that mean no good", .timeLimit(.minutes(1))) struct HostileSocketTests {
  enum Behaviour: String, Sendable, CaseIterable { case mute, drips, floods, closes }

  @Test("Each costs the conversation its limit at most", arguments: Behaviour.allCases)
  func limits(_ behaviour: Behaviour) async throws {
    let folder = FileManager.default.temporaryDirectory.path + "/reroot-\(UUID().uuidString.prefix(8))"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let listener = try UnixListener(folder + "/s") { connection in
      switch behaviour {
      case .mute: TestListener.drain(connection)
      case .drips: while send(connection, [0x61], 1, Int32(MSG_NOSIGNAL)) == 1 { usleep(20_000) }
      case .floods:
        let bytes = [UInt8](repeating: 0x61, count: 1 << 16)
        while send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) > 0 {}
      case .closes: break
      }
      close(connection)
    }
    let start = ContinuousClock.now
    let failed = await failure {
      let answer = try await TargetAccess.local().converse(listener.path, SecretBytes(utf8: "show info\n"), .seconds(1))
      #expect(answer.isEmpty, "it closed without a word")
    }
    #expect(ContinuousClock.now - start < .seconds(3))
    switch behaviour {
    case .mute, .drips: #expect(failed?.failure.sentence.contains("it gives no answer in time") == true)
    case .floods: #expect(failed?.failure.sentence.contains("its answer is longer than 64 KiB") == true)
    case .closes: #expect(failed == nil || failed?.code == "SOCKET_BROKEN")
    }
  }
}

/// A Unix socket at which somebody answers, until the last reference goes away.
final class UnixListener: Sendable {
  let path: String
  private let listening: Int32

  init(_ path: String, _ answer: @escaping @Sendable (_ connection: Int32) -> Void) throws {
    self.path = path
    listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let descriptor = listening
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard result == 0, listen(descriptor, 8) == 0 else { throw DeliveryFailure.system(errno, "Listening") }
    Thread {
      while true {
        let connection = accept(descriptor, nil, nil)
        if connection < 0, errno == EINTR { continue }
        guard connection >= 0 else { break }
        Thread { answer(connection) }.start()
      }
      close(descriptor)
    }.start()
  }

  deinit { shutdown(listening, Int32(SHUT_RDWR)) }
}
