import Foundation
import Synchronization

/// The running sample system: a process for each component, what they report, and what they are told.
public final class SampleFleet: Sendable {
  private struct Inside: Sendable {
    var members: [SampleMember]
    var processes: [String: ChildProcess] = [:]
  }

  private let folder: String
  private let program: String
  private let inside: Mutex<Inside>
  private let changes = Changes()

  /// Describes a system that is not running yet.
  ///
  /// - Parameters:
  ///   - folder: the absolute path of the folder that holds a folder for each component; made at the start.
  ///   - program: the program whose subcommand `sample-component` is a component's process.
  public init(folder: String, program: String, samples: [Sample] = Sample.system) {
    self.folder = folder
    self.program = program
    inside = Mutex(
      Inside(
        members: samples.map { SampleMember(sample: $0, place: SamplePlace(of: $0, within: folder)) }))
  }

  /// The components with what is known of each, in the order given.
  public var members: [SampleMember] { inside.withLock { $0.members } }

  /// An element for every change of ``members``; changes close together become one.
  public func updates() -> AsyncStream<Void> { changes.stream() }

  /// Starts every process and waits until all of them listen.
  ///
  /// - Parameter ports: the port that each component, by name, had before and gets again where it is free.
  /// - Throws: ``SampleFailure`` when one cannot be started or does not listen in time.
  public func start(ports: [String: UInt16] = [:], timeLimit: Duration = .seconds(20)) async throws {
    for member in members {
      try member.place.prepare(member.sample, port: ports[member.name] ?? 0)
      let process = try ChildProcess(
        program: program, arguments: ["sample-component", "--config", member.place.configuration],
        errorFile: member.place.log)
      inside.withLock { $0.processes[member.name] = process }
      change(member.name) { $0.status = .starting }
      follow(process, of: member.name)
    }
    _ = await changes.wait(within: timeLimit) { [self] in members.allSatisfy { $0.status != .starting } }
    let missing = members.filter { !$0.isRunning }
    guard missing.isEmpty else {
      let words = missing.map { "\($0.name) \($0.status.words); see \($0.place.log)" }
      throw SampleFailure("The sample system could not be started: \(words.joined(separator: "; ")).")
    }
  }

  /// Tells every component to call its peers from now on; later calls change nothing.
  public func begin() throws {
    let members = members
    let ports = members.reduce(into: [String: UInt16]()) { $0[$1.name] = $1.port }
    for member in members {
      let peers = members.filter { member.sample.peers.contains($0.name) }.compactMap { peer in
        ports[peer.name].map {
          SamplePeer(name: peer.name, host: "127.0.0.1", port: $0, serverName: peer.sample.serverName)
        }
      }
      try tell(member.name, .begin(peers: peers))
    }
  }

  /// Has a component ignore, or no longer ignore, the next SIGHUP, and waits until it has understood.
  ///
  /// Throws a ``SampleFailure`` when the component is not running.
  public func ignoreNextReload(_ ignores: Bool, at name: String) async throws {
    try tell(name, .ignoreNextReload(ignores))
    let isUnderstood = await changes.wait(within: .seconds(5)) { [self] in
      members.first { $0.name == name }.map { !$0.isRunning || $0.state.ignoresNextReload == ignores } ?? true
    }
    guard isUnderstood else { throw SampleFailure("The \(name) does not answer.") }
  }

  /// Ends every process and waits for their ends. Those that do not end by themselves are killed.
  public func stop() async {
    let processes = inside.withLock { Array($0.processes.values) }
    for process in processes { process.closeInput() }
    let haveEnded = await changes.wait(within: .seconds(3)) { [self] in members.allSatisfy { !$0.isAlive } }
    guard !haveEnded else { return }
    let left = inside.withLock { inside in
      inside.members.filter(\.isAlive).compactMap { inside.processes[$0.name]?.number }
    }
    for number in left { kill(number, SIGKILL) }
    _ = await changes.wait(within: .seconds(3)) { [self] in members.allSatisfy { !$0.isAlive } }
  }

  private func tell(_ name: String, _ order: SampleOrder) throws {
    let process = inside.withLock { $0.processes[name] }
    guard let process, process.send(try JSONLine.encode(order)) else {
      throw SampleFailure("The \(name) is not running. Stop the demo and start it again.")
    }
  }

  private func follow(_ process: ChildProcess, of name: String) {
    Thread.detachNewThread { [self] in
      let end = process.follow { line in
        guard let message = try? JSONLine.decode(SampleMessage.self, from: line) else { return }
        change(name) { $0.take(message) }
      }
      change(name) { $0.status = .ended(end) }
    }
  }

  private func change(_ name: String, _ body: (inout SampleMember) -> Void) {
    inside.withLock { inside in
      guard let index = inside.members.firstIndex(where: { $0.name == name }) else { return }
      body(&inside.members[index])
    }
    changes.tell()
  }
}
