import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

/// A clock that stands still until it is set.
final class TestClock: Sendable {
  /// Noon of the first of June 2026, in UTC.
  static let start = Date(timeIntervalSince1970: 1_780_315_200)
  private let moment = Mutex(TestClock.start)

  var now: Date { moment.withLock { $0 } }
  func advance(_ seconds: TimeInterval) { moment.withLock { $0 += seconds } }
}

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  /// - Parameter inMemory: whether in a file system that needs no disk, where there is one: for what is done thousands of
  ///   times.
  init(copyOf other: String? = nil, inMemory: Bool = false) throws {
    let shared = inMemory && FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : nil
    path = (shared ?? FileManager.default.temporaryDirectory.path) + "/reroot-console-\(UUID().uuidString)"
    if let other {
      try FileManager.default.copyItem(atPath: other, toPath: path)
    } else {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A console over a store in a folder of its own, with components that live in memory.
final class TestConsole: Sendable {
  let folder: TemporaryFolder
  let clock: TestClock
  let targets: FakeTargets
  let store: Store
  let console: Console
  let port: UInt16
  let log: LogLines

  static let name = "ada"
  static let password = "correct horse battery"
  /// Made once: each one costs a tenth of a second.
  private static let hash = Result { try PasswordHash.make(SecretBytes(utf8: password)) }

  static var packageFolder: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
  }

  /// - Parameter real: whether the components' files are those of this machine, and their commands are run.
  init(
    folder: TemporaryFolder? = nil, clock: TestClock = TestClock(), targets: FakeTargets = FakeTargets(),
    hasAdministrator: Bool = true, listening: [ListeningSocket] = [], real: Bool = false,
    sending: SendingPrograms = SendingPrograms(),
    watching: WatchTiming = .byHand, requestsPerMinute: Int = 600
  ) async throws {
    let folder = try folder ?? TemporaryFolder()
    let log = LogLines()
    self.folder = folder
    self.clock = clock
    self.targets = targets
    self.log = log
    store = try Store.open(folder: folder.path + "/data", clock: { clock.now })
    if hasAdministrator, try await store.users().isEmpty {
      _ = try await store.addFirstAdministrator(name: Self.name, hash: try Self.hash.get())
    }
    let access: @Sendable (Component) -> TargetAccess = { targets.access(to: $0) }
    var configuration = try ConsoleConfiguration(
      host: "127.0.0.1", port: 0, publicFolder: Self.packageFolder + "/Public",
      templatesFolder: Self.packageFolder + "/Templates", targetAccess: real ? nil : access,
      clock: { clock.now })
    configuration.listeningSockets = { listening }
    configuration.sending = sending
    configuration.watching = watching
    configuration.requestsPerMinute = requestsPerMinute
    console = try await Console(
      store: store, configuration: configuration, logger: Logger(label: "test") { _ in log.handler })
    port = try await console.start()
  }

  func stop() async throws {
    await console.stop(within: .seconds(5))
    try store.close()
  }

  /// A browser without a session.
  func stranger() -> Browser {
    let https = console.services.https
    return Browser(port: port, trusting: { https.current.chain.first })
  }

  /// The user of a role: ada is the administrator, the others are named after what they may do, with a number where more
  /// than one is needed.
  func user(_ role: Role, _ number: Int = 1) async throws -> UserRecord {
    let name = role == .administrator && number == 1 ? Self.name : "\(role.rawValue)\(number == 1 ? "" : "\(number)")"
    if let known = try await store.user(name: name) { return known }
    let added = try await store.addUser(name: name, role: role, hash: try Self.hash.get())
    return try await store.usePasswordLink(added.token, hash: try Self.hash.get())
  }

  /// A browser with a session of the user of a role.
  func browser(_ role: Role, _ number: Int = 1) async throws -> Browser {
    let browser = stranger()
    browser.set(SessionCookie.name, cookie: try await store.createSession(user(role, number)))
    return browser
  }

  /// A browser with a session of its own.
  func browser() async throws -> Browser {
    let user = try #require(try await store.user(name: Self.name))
    let browser = stranger()
    browser.set(SessionCookie.name, cookie: try await store.createSession(user))
    return browser
  }
}

/// Runs a test with a console, and stops the console whatever happens.
func withConsole(
  clock: TestClock = TestClock(), hasAdministrator: Bool = true, _ body: (TestConsole) async throws -> Void
) async throws {
  let console = try await TestConsole(clock: clock, hasAdministrator: hasAdministrator)
  do {
    try await body(console)
  } catch {
    try? await console.stop()
    throw error
  }
  try await console.stop()
}

/// Runs a test with a browser that is signed in.
func withBrowser(_ body: (TestConsole, Browser) async throws -> Void) async throws {
  try await withConsole { console in try await body(console, try await console.browser()) }
}

/// What the console logs, to look for secrets in it.
final class LogLines: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }
  var handler: any LogHandler { Handler(lines: self) }

  private struct Handler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug

    init(lines: LogLines) { self.lines = lines }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      let details = metadata.merging(event.metadata ?? [:]) { _, own in own }.sorted { $0.key < $1.key }.map {
        "\($0.key)=\($0.value)"
      }
      lines.lines.withLock { $0.append(([event.message.description] + details).joined(separator: " ")) }
    }
  }
}

/// Asks again and again, for at most so long; waits two thousandths of a second in between.
/// How many times as long everything takes: sanitizers compute a good deal.
let patience = ProcessInfo.processInfo.environment["REROOT_SANITIZED"] == nil ? 1 : 5

func eventually(
  _ what: Comment, within limit: Duration = .seconds(20), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit * patience
  while try await !condition() {
    try #require(ContinuousClock.now < end, what, sourceLocation: sourceLocation)
    try await Task.sleep(for: .milliseconds(2))
  }
}
