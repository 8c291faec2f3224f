import Foundation
import PKI
import Synchronization

/// One sample component: a process that serves TLS with the files it is given, reads them again on SIGHUP, and calls its
/// peers by mutual TLS, counting who accepted whom.
public final class SampleComponent: Sendable {
  private struct Inside: Sendable {
    var identity: SampleIdentity?
    var state = SampleState()
    var hasBegun = false
  }

  private let configuration: SampleConfiguration
  private let inside = Mutex(Inside())
  private let output = Mutex(())

  private init(configuration: SampleConfiguration) {
    self.configuration = configuration
  }

  /// Runs a component until its standard input closes, which is how it learns that its parent has gone, however that
  /// came about; then the process ends. Blocking. Throws a ``SampleFailure`` when it cannot begin.
  public static func run(configurationFile: String) throws -> Never {
    let component = SampleComponent(configuration: try SampleConfiguration(contentsOf: configurationFile))
    // A peer that is gone shows as an error of the write, which is enough.
    signal(SIGPIPE, SIG_IGN)
    let signals = try SignalPipe.open([SIGHUP, SIGTERM])
    try component.start()
    Thread.detachNewThread {
      while true {
        if SignalPipe.next(signals) == SIGHUP { component.reload() } else { component.end() }
      }
    }
    component.followOrders()
    component.end()
  }

  private func start() throws {
    let listener = try Listener(host: configuration.host, port: configuration.port)
    load()
    SampleServer(listener: listener) { [self] in inside.withLock { $0.identity?.server } }.start()
    let number = ProcessInfo.processInfo.processIdentifier
    try Data("\(number)\n".utf8).write(to: URL(fileURLWithPath: configuration.pidFile), options: .atomic)
    say(.ready(process: number, port: listener.port))
    Thread.detachNewThread { [self] in
      while true {
        sayState()
        usleep(500_000)
      }
    }
  }

  private func followOrders() {
    var lines = LineReader(STDIN_FILENO)
    while let line = lines.next() {
      do {
        switch try JSONLine.decode(SampleOrder.self, from: line) {
        case .begin(let peers): begin(peers)
        case .ignoreNextReload(let ignores): inside.withLock { $0.state.ignoresNextReload = ignores }
        }
        sayState()
      } catch {
        say(.said("An order was not understood: \(line)"))
      }
    }
  }

  private func begin(_ peers: [SamplePeer]) {
    let isFirst = inside.withLock { inside in
      defer { inside.hasBegun = true }
      if !inside.hasBegun { inside.state.calls = peers.map { CallCount(peer: $0.name) } }
      return !inside.hasBegun
    }
    guard isFirst else { return }
    for peer in peers {
      SampleCaller(
        peer: peer, callsPerSecond: configuration.callsPerSecond,
        context: { [self] in inside.withLock { $0.identity?.client } }, report: count
      ).start()
    }
  }

  private func count(_ peer: String, _ result: CallResult) {
    inside.withLock { inside in
      guard let index = inside.state.calls.firstIndex(where: { $0.peer == peer }) else { return }
      switch result {
      case .accepted: inside.state.calls[index].accepted += 1
      case .unreachable: inside.state.calls[index].unreachable += 1
      case .refused(let reason):
        inside.state.calls[index].refused += 1
        inside.state.calls[index].lastRefusal = reason
        inside.state.calls[index].lastRefusalAt = Date()
      }
    }
  }

  private func reload() {
    let isIgnored = inside.withLock { inside in
      guard inside.state.ignoresNextReload else { return false }
      inside.state.ignoresNextReload = false
      inside.state.ignoredReloads += 1
      return true
    }
    if isIgnored {
      say(.said("SIGHUP arrived and was ignored, as arranged; the files in use stay the ones loaded before."))
    } else {
      load()
    }
    sayState()
  }

  /// Connections already open keep the context they began with; new ones get the new one.
  private func load() {
    do {
      let identity = try SampleIdentity(files: configuration.files)
      inside.withLock { inside in
        inside.identity = identity
        inside.state.loads += 1
        inside.state.reloadFailure = nil
        inside.state.fingerprint = identity.leaf.fingerprint.hex
        inside.state.issuer = identity.leaf.issuer
      }
      say(.said("Serving the certificate \(identity.leaf.serialNumber) issued by \(identity.leaf.issuer)."))
    } catch {
      let reason = SampleFailure.sentence(of: error)
      let hasIdentity = inside.withLock { inside in
        inside.state.reloadFailure = reason
        return inside.identity != nil
      }
      say(.said("\(hasIdentity ? "Keeping the certificate in use" : "Waiting for a certificate"): \(reason)"))
    }
  }

  private func sayState() {
    say(.state(inside.withLock { $0.state }))
  }

  /// Lines of different threads must not run into each other.
  private func say(_ message: SampleMessage) {
    guard let line = try? JSONLine.encode(message) else { return }
    output.withLock { _ in _ = writeAll(line, to: STDOUT_FILENO) }
  }

  private func end() -> Never {
    unlink(configuration.pidFile)
    // Not exit(): it would wait for nothing useful and run the ends of libraries under running threads.
    _exit(0)
  }
}
