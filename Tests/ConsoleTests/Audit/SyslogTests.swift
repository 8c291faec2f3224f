import Delivery
import Foundation
import Glibc
import PKI
import Synchronization
import Testing

@testable import Console
@testable import Store

/// A syslog of the test's own on a free port or path.
final class SyslogReceiver: Sendable {
  enum Kind: String, Sendable, CaseIterable { case udp, tcp, unix }

  let address: SyslogAddress
  private let descriptor: Int32
  private let received = Mutex<[String]>([])
  private let isOpen = Mutex(true)
  private let ended = DispatchSemaphore(value: 0)

  /// - Parameter again: an earlier address, at which it listens again.
  init(_ kind: Kind, folder: String, again: SyslogAddress? = nil) throws {
    let path = folder + "/log"
    let family = kind == .unix ? AF_UNIX : AF_INET
    let type = kind == .tcp ? SOCK_STREAM : SOCK_DGRAM
    descriptor = socket(family, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    // Ends the thread that reads.
    var limit = timeval(tv_sec: 0, tv_usec: 50_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if kind == .unix {
      unlink(path)
      address = .unix(path: path)
      try Self.bindPath(descriptor, path)
    } else {
      var wanted: UInt16 = 0
      switch again {
      case .udp(_, let port), .tcp(_, let port): wanted = port
      case .unix, nil: break
      }
      let port = try Self.bindPort(descriptor, wanted)
      address = kind == .udp ? .udp(host: "127.0.0.1", port: port) : .tcp(host: "127.0.0.1", port: port)
    }
    if kind == .tcp { listen(descriptor, 8) }
    let thread = Thread { [self] in
      if kind == .tcp { acceptAll() } else { readDatagrams() }
      ended.signal()
    }
    thread.start()
  }

  private var isListening: Bool { isOpen.withLock { $0 } }

  var messages: [String] { received.withLock { $0 } }

  /// Returns when nobody listens any more.
  func close() {
    let wasOpen = isOpen.withLock { isOpen in
      defer { isOpen = false }
      return isOpen
    }
    if wasOpen { ended.wait() }
  }

  private static func bindPath(_ descriptor: Int32, _ path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard status == 0 else { throw BrowserError(description: "bind: \(errno)") }
  }

  private static func bindPort(_ descriptor: Int32, _ port: UInt16) throws -> UInt16 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
      }
    }
    guard status else { throw BrowserError(description: "bind: \(errno)") }
    return UInt16(bigEndian: address.sin_port)
  }

  private func readDatagrams() {
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while isListening {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { received.withLock { $0.append(String(decoding: buffer[..<count], as: UTF8.self)) } }
    }
    Glibc.close(descriptor)
  }

  private func acceptAll() {
    var limit = timeval(tv_sec: 0, tv_usec: 50_000)
    var open: [Int32] = []
    while isListening {
      let client = accept(descriptor, nil, nil)
      guard client >= 0 else { continue }
      open.append(client)
      setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      readFrames(client)
    }
    for client in open { Glibc.close(client) }
    Glibc.close(descriptor)
  }

  /// Octet counting (RFC 6587, section 3.4.1).
  private func readFrames(_ client: Int32) {
    var (bytes, buffer) = ([UInt8](), [UInt8](repeating: 0, count: 1 << 16))
    while isListening {
      let count = recv(client, &buffer, buffer.count, 0)
      if count == 0 { return }
      if count > 0 { bytes += buffer[..<count] }
      while let space = bytes.firstIndex(of: 0x20),
        let size = Int(String(decoding: bytes[..<space], as: UTF8.self)), bytes.count >= space + 1 + size
      {
        let text = String(decoding: bytes[(space + 1)..<(space + 1 + size)], as: UTF8.self)
        received.withLock { $0.append(text) }
        bytes.removeFirst(space + 1 + size)
      }
    }
  }
}

@Suite("Sending the audit log to syslog", .timeLimit(.minutes(2))) struct SyslogTests {
  private func set(_ browser: Browser, _ address: String) async throws -> Answer {
    try await browser.submit(browser.get("/audit/syslog"), "/audit/syslog", ["address": address])
  }

  private func numbers(_ messages: [String]) -> [Int] {
    messages.compactMap { HTML.first("number=\"([0-9]+)\"", in: $0).flatMap { Int($0) } }
  }

  @Test("Every entry arrives once and in order, from the one on that set it", arguments: SyslogReceiver.Kind.allCases)
  func sending(_ kind: SyslogReceiver.Kind) async throws {
    try await withBrowser { console, browser in
      let receiver = try SyslogReceiver(kind, folder: console.folder.path)
      defer { receiver.close() }
      let before = Int(try await console.store.lastAuditNumber())
      #expect(try await set(browser, receiver.address.description).status == 303)
      for index in 0..<250 {
        try await console.store.record(AuditAct(.searchBegun, by: .reroot, on: "search \(index)"))
      }
      try await eventually("all arrive") { receiver.messages.count >= 251 }
      #expect(numbers(receiver.messages) == Array(before + 1...before + 251))
      let first = try #require(receiver.messages.first)
      #expect(first.hasPrefix("<109>1 2026-06-01T12:00:00.000Z "))
      #expect(first.contains(" setting.changed [reroot@32473 number=\"\(before + 1)\" hash=\""))
      #expect(
        first.contains(" kind=\"user\" who=\"ada\" from=\"127.0.0.1\" on=\"syslog\"] \u{FEFF}Setting changed by ada"))
      // The hash that went out is the one that tells later whether the log is still the same.
      let entry = try #require(try await console.store.auditEntry(Int64(before + 1)))
      #expect(first.contains(Hexadecimal.text(entry.hash)))
      #expect(try await set(browser, "").status == 303)
      #expect(try await console.console.services.syslog.standing().address == nil)
    }
  }

  @Test(
    "What nobody takes waits, is counted and shown, delays no act, and is sent later in order",
    arguments: SyslogReceiver.Kind.allCases)
  func waiting(_ kind: SyslogReceiver.Kind) async throws {
    try await withBrowser { console, browser in
      let gone = try SyslogReceiver(kind, folder: console.folder.path)
      let address = gone.address
      // A connection first, so that it breaks later.
      #expect(try await set(browser, address.description).status == 303)
      try await eventually("the first arrives") { gone.messages.count == 1 }
      gone.close()
      if kind == .unix { unlink(console.folder.path + "/log") }
      let desk = console.console.services.syslog
      let begun = ContinuousClock.now
      for index in 0..<20 {
        try await console.store.record(AuditAct(.searchBegun, by: .reroot, on: "search \(index)"))
      }
      #expect(ContinuousClock.now - begun < .seconds(5))
      if kind == .udp {
        // Of a datagram nobody learns whether it was taken; the port's refusal is told by the next one.
        try await console.store.record(AuditAct(.searchBegun, by: .reroot))
      }
      try await eventually("it is told") { try await desk.standing().problem != nil || kind == .udp }
      if kind != .udp {
        let standing = try await desk.standing()
        #expect(standing.waiting > 0)
        let page = try await browser.get("/audit")
        #expect(page.says("wait to be sent to syslog") || page.says("waits to be sent to syslog"))
        #expect(page.says("Check that a syslog listens there."))
      }
      let back = try SyslogReceiver(kind, folder: console.folder.path, again: address)
      defer { back.close() }
      await desk.addressChanged()
      try await console.store.record(AuditAct(.searchBegun, by: .reroot, on: "the last"))
      try await eventually("the last arrives") { back.messages.contains { $0.contains("the last") } }
      let found = numbers(back.messages)
      #expect(found == found.sorted() && Set(found).count == found.count)
      if kind == .unix { #expect(found.count >= 21) }
      try await eventually("nothing waits") { try await desk.standing().waiting == 0 }
      #expect(try await desk.standing().problem == nil)
    }
  }

  @Test("What waits survives a restart")
  func restart() async throws {
    let folder = try TemporaryFolder()
    let console = try await TestConsole(folder: folder)
    let path = folder.path + "/log"
    try await console.store.setSyslogAddress("unix:" + path)
    for index in 0..<5 { try await console.store.record(AuditAct(.searchBegun, by: .reroot, on: "\(index)")) }
    try await console.stop()
    let receiver = try SyslogReceiver(.unix, folder: folder.path)
    defer { receiver.close() }
    let again = try await TestConsole(folder: folder)
    try await eventually("all arrive") { receiver.messages.contains { $0.contains(" console.started ") } }
    let found = numbers(receiver.messages)
    #expect(found == Array(found[0]..<found[0] + found.count) && found.count >= 7)
    try await again.stop()
    try await eventually("the end is told, too") {
      receiver.messages.last?.contains(" console.stopped ") == true
    }
  }

  @Test("Text of strangers ends neither a value, nor the element, nor the message")
  func hostileText() throws {
    let text = "a\"] [evil@1 b=\"c\\\n<0>1 - - - - - forged\r\0\u{2028}\u{202E}"
    let act = AuditAct(.rootRefused, by: .stranger(from: text), on: text, [text: text], reason: text)
    let entry = AuditEntry(
      number: 7, milliseconds: TestClock.start.milliseconds, author: act.author, event: act.event.rawValue,
      subject: act.subject,
      details: act.details, reason: act.reason, previous: AuditEntry.noHash, hash: AuditEntry.noHash)
    let message = String(
      decoding: SyslogMessage.bytes(entry, limit: 8192, hostName: "ho st\n", processID: 3), as: UTF8.self)
    #expect(message.hasPrefix("<108>1 2026-06-01T12:00:00.000Z host reroot 3 root.refused [reroot@32473 number=\"7\" "))
    #expect(message.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0 != "\u{2028}" && $0 != "\u{202E}" })
    // Within the element every quotation mark of a value is escaped, and so is what would end the element.
    let element = try #require(message.firstRange(of: "] \u{FEFF}")).lowerBound
    let values = message[..<element].replacing("\\\\", with: "").replacing("\\\"", with: "").replacing("\\]", with: "")
    #expect(!values.contains("]") && values.count { $0 == "\"" } == 14)
  }

  @Test(
    "A time beyond all dates, as somebody wrote it into the database, is sent as the nearest", arguments: [true, false])
  func timeBeyond(_ isLate: Bool) async throws {
    try await withBrowser { console, browser in
      let receiver = try SyslogReceiver(.udp, folder: console.folder.path)
      defer { receiver.close() }
      #expect(try await set(browser, receiver.address.description).status == 303)
      try await console.store.write { database in
        try database.execute(sql: "DROP TRIGGER audit_is_not_changed")
        try database.execute(
          sql: """
            CREATE TRIGGER tampered AFTER INSERT ON audit WHEN NEW.event = 'search.begun' BEGIN
              UPDATE audit SET at = \(isLate ? "9223372036854775807" : "-9223372036854775808") WHERE number = NEW.number;
            END
            """)
      }
      try await console.store.record(AuditAct(.searchBegun, by: .reroot, on: "beyond"))
      try await eventually("it arrives") { receiver.messages.contains { $0.contains("beyond") } }
      let time = isLate ? "9999-12-31T23:59:59.999Z" : "0000-01-01T00:00:00.000Z"
      #expect(receiver.messages.last?.hasPrefix("<109>1 \(time) ") == true)
      #expect(try await browser.get("/audit").status == 200)
      for kind in ["csv", "jsonl"] { #expect(try await browser.get("/audit/export.\(kind)").has(time), "\(kind)") }
    }
  }

  @Test("A message is no longer than its way takes, and is cut between two characters", arguments: [2048, 8192])
  func length(_ limit: Int) throws {
    let long = String(repeating: "\u{1F512}\"", count: 2000)
    let act = AuditAct(
      .rootRefused, by: .user(long, id: UserRecord.ID(rawValue: 1), from: "::1"), on: long, ["k": long], reason: long)
    let entry = AuditEntry(
      number: Int64.max, milliseconds: TestClock.start.milliseconds, author: act.author, event: act.event.rawValue,
      subject: act.subject,
      details: act.details, reason: act.reason, previous: AuditEntry.noHash, hash: AuditEntry.noHash)
    let bytes = SyslogMessage.bytes(entry, limit: limit, hostName: String(repeating: "h", count: 300), processID: 1)
    #expect(bytes.count <= limit && bytes.count > limit - 8)
    let text = try #require(String(validating: bytes, as: UTF8.self))
    #expect(text.contains("] \u{FEFF}"))
  }

  @Test(
    "Addresses are read, and anything else is refused",
    arguments: [
      ("udp://log.example.net", "udp://log.example.net:514"), ("tcp://10.0.0.1", "tcp://10.0.0.1:601"),
      ("udp://[::1]:5140", "udp://[::1]:5140"), ("tcp://[fe80::1%eth0]", "tcp://[fe80::1%eth0]:601"),
      ("unix:/dev/log", "unix:/dev/log"), ("", nil), ("udp://", nil), ("udp://a:0", nil), ("udp://a:65536", nil),
      ("udp://a:x", nil), ("udp://::1", nil), ("udp://a b", nil), ("udp://a/b", nil), ("udp://a@b", nil),
      ("unix:log", nil), ("unix:/" + String(repeating: "a", count: 107), nil), ("tls://a:6514", nil), ("a:514", nil),
      ("udp://a\nb", nil),
    ])
  func addresses(_ text: String, _ expected: String?) async throws {
    #expect(SyslogAddress(text)?.description == expected)
  }

  @Test("The page refuses what is no address, and changes nothing then")
  func refused() async throws {
    try await withBrowser { console, browser in
      let count = try await console.store.lastAuditNumber()
      let answer = try await set(browser, "tls://log.example.net")
      #expect(answer.status == 422 && answer.errorFields == ["address"] && answer.has("tls://log.example.net"))
      #expect(try await console.store.syslogAddress() == nil)
      #expect(try await console.store.lastAuditNumber() == count)
    }
  }
}
