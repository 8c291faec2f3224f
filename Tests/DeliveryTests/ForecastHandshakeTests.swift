import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery
@testable import PKI

/// Small random numbers that are the same at every run.
private struct Dice: RandomNumberGenerator {
  var state: UInt64
  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// The roots of the random systems, a certificate under each, and what OpenSSL says of every pair: each is asked once.
private final class Handshakes {
  let roots: [TestAuthority]
  let identities: [Identity]
  private var known: [Question: Bool] = [:]
  var asked: Int { known.count }

  /// The last root is the one that the update brings.
  init(_ count: Int) throws {
    roots = try (0..<count).map { try TestAuthority("Root \($0)") }
    identities = try roots.map { try $0.child() }
  }

  struct Side: Hashable {
    var identity: Int
    /// nil for one that verifies nobody.
    var bundle: Set<Int>?
  }

  private struct Question: Hashable {
    let client: Side
    let server: Side
  }

  /// Whether a real handshake is refused by either side.
  func isRefused(client: Side, server: Side) throws -> Bool {
    let question = Question(client: client, server: server)
    if let answer = known[question] { return answer }
    let answer = try handshakeFails(question)
    known[question] = answer
    return answer
  }

  private func handshakeFails(_ question: Question) throws -> Bool {
    var descriptors: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &descriptors) == 0)
    let (server, client) = (try context(question.server, asServer: true), try context(question.client, asServer: false))
    let accepting = descriptors[0]
    let done = DispatchSemaphore(value: 0)
    nonisolated(unsafe) var isAccepted = false
    Thread {
      isAccepted = (try? TLSConnection.accept(descriptor: accepting, context: server, timeLimit: .seconds(10))) != nil
      done.signal()
    }.start()
    let socket = TCPSocket(takingOwnership: descriptors[1], deadline: .now + .seconds(10))
    let connection = try TLSConnection(
      socket: socket, context: client, serverName: question.client.bundle == nil ? nil : .dns("localhost"))
    let isConnected = (try? connection.handshakeNotingRequest().result.get()) != nil
    if !isConnected { socket.finish() }
    #expect(done.wait(timeout: .now() + 15) == .success)
    return !(isAccepted && isConnected)
  }

  private func context(_ side: Side, asServer: Bool) throws -> TLSContext {
    let identity = identities[side.identity]
    guard let bundle = side.bundle else { return try TLSContext(offering: identity) }
    return try TLSContext(
      identity: identity, trusted: bundle.sorted().map { roots[$0].certificate }, requireClientCertificate: asServer)
  }
}

/// A random system under a real state machine: files change as the actions would change them.
private struct RandomSystem {
  let course: Course
  private let handshakes: Handshakes
  private var sides: [Component.ID: Handshakes.Side] = [:]
  private let before: [Component.ID: Handshakes.Side]
  private let new: Int

  init(_ handshakes: Handshakes, _ dice: inout Dice) {
    self.handshakes = handshakes
    new = handshakes.roots.count - 1
    let count = Int.random(in: 2...4, using: &dice)
    var sides: [Component.ID: Handshakes.Side] = [:]
    var members: [Course.Member] = []
    let ids = (1...count).map { Component.ID(rawValue: Int64($0)) }
    for id in ids {
      let own = Int.random(in: 0..<new, using: &dice)
      let hasBundle = Int.random(in: 0..<4, using: &dice) > 0
      // Mostly its own root, sometimes others, sometimes already the new one, sometimes none of use.
      let bundle = hasBundle ? Set((0...new).filter { $0 == own || Int.random(in: 0..<3, using: &dice) == 0 }) : nil
      sides[id] = Handshakes.Side(identity: own, bundle: bundle)
      let peers = Bool.random(using: &dice) ? nil : ids.filter { $0 != id && Bool.random(using: &dice) }
      members.append(
        Course.Member(
          id: id, name: "c\(id)", stage: Int.random(in: 1...2, using: &dice),
          usage: Component.Usage.allCases.randomElement(using: &dice) ?? .both, hasTrustBundle: hasBundle,
          presentsBefore: handshakes.roots[own].rootKey,
          acceptsBefore: bundle.map { Set($0.map { handshakes.roots[$0].rootKey }) }, peers: peers))
    }
    self.sides = sides
    before = sides
    course = Course(
      members: members, root: handshakes.roots[new].rootKey, policy: .stop, changesHTTPS: false,
      parallel: Int.random(in: 1...3, using: &dice))
  }

  /// What an action that succeeds makes of the component's files.
  mutating func perform(_ action: ActionID) {
    guard let id = action.component, let former = before[id] else { return }
    let grown = former.bundle.map { $0.union(before.values.map(\.identity)).union([new]) }
    switch action.kind {
    case .trust: sides[id]?.bundle = grown
    case .deploy:
      sides[id] = Handshakes.Side(identity: new, bundle: grown)
    case .restore: sides[id]?.identity = former.identity
    case .restoreTrust: sides[id]?.bundle = former.bundle
    case .generate, .activate, .verify, .https, .restoreHTTPS: break
    }
  }

  /// The connections that real handshakes refuse now, without those that they refused before the update.
  func newlyRefused() throws -> Set<Pair> { try refused(sides).subtracting(refused(before)) }

  func refusedToday() throws -> Set<Pair> { try refused(before) }

  private func refused(_ sides: [Component.ID: Handshakes.Side]) throws -> Set<Pair> {
    var found: Set<Pair> = []
    for client in course.members where client.usage.isClient {
      for server in course.members where server.usage.isServer && server.id != client.id {
        guard client.peers?.contains(server.id) ?? true, let one = sides[client.id], let other = sides[server.id] else {
          continue
        }
        if try handshakes.isRefused(client: one, server: other) { found.insert(Pair(client.name, server.name)) }
      }
    }
    return found
  }
}

private struct Pair: Hashable, CustomStringConvertible {
  let client: String
  let server: String
  init(_ client: String, _ server: String) { (self.client, self.server) = (client, server) }
  init(_ refused: RefusedConnection) { self.init(refused.client, refused.server) }
  var description: String { "\(client) → \(server)" }
}

@Suite("The forecast of refused connections, held against real handshakes", .timeLimit(.minutes(5)))
struct ForecastHandshakeTests {
  /// Runs an update with at most one failure, and returns what handshakes refused at any moment of it.
  private func run(
    _ system: inout RandomSystem, failing: ActionID?, _ decision: Decision.Kind?
  ) throws -> (ever: Set<Pair>, atEnd: Set<Pair>) {
    var state = UpdateState(course: system.course)
    var ever = try system.newlyRefused()
    var effects = try state.apply(.started(by: "ada"))
    var hasFailed = false
    while true {
      var next: [Effect] = []
      for case .perform(let action, let attempt) in effects {
        if action == failing, !hasFailed {
          hasFailed = true
          let failure = Failure(code: "X", sentence: "x", advice: "")
          next += try state.apply(.actionFailed(action, attempt: attempt, failure))
        } else {
          system.perform(action)
          ever.formUnion(try system.newlyRefused())
          next += try state.apply(.actionSucceeded(action, attempt: attempt))
        }
      }
      if state.standing == .deciding, let decision {
        next += try state.apply(.decided(Decision(decision, question: state.question, by: "ada")))
      }
      guard !next.isEmpty else { break }
      effects = next
    }
    #expect(state.outcome != nil, "\(state.standing)")
    return (ever, try system.newlyRefused())
  }

  @Test("Of 40 random systems, today's refusals and those of every failure and decision are foreseen, and no others")
  func property() throws {
    var dice = Dice(state: 7)
    let handshakes = try Handshakes(4)
    var courses = 0
    var refusals = 0
    for _ in 0..<40 {
      let system = RandomSystem(handshakes, &dice)
      let forecast = Forecast(system.course)
      let today = Set(forecast.refusals.filter { $0.moment.hasPrefix("today") }.map(Pair.init))
      #expect(try system.refusedToday() == today)
      var planned = system
      let ever = try run(&planned, failing: nil, nil).ever
      #expect(ever.isSubset(of: Set(forecast.refusals.map(Pair.init))), "\(system.course)")
      for member in system.course.members {
        for kind in [ActionKind.generate, .trust, .deploy, .activate, .verify]
        where kind != .trust || member.hasTrustBundle {
          for decision in [Decision.Kind.override, .continueUpdate, .abort, .retry] {
            var tried = system
            let found = try run(&tried, failing: ActionID(kind, member.id), decision)
            let foreseen = Set(
              forecast.contingencies.filter {
                $0.component == member.name && $0.actions.contains(kind) && $0.decisions.contains(decision)
              }.flatMap(\.refusals).map(Pair.init))
            #expect(found.ever.isSubset(of: foreseen), "\(kind) at \(member.name), \(decision): \(system.course)")
            // Set aside for good, so what was foreseen is what stays.
            if decision == .override { #expect(found.atEnd == foreseen, "\(kind) at \(member.name): \(system.course)") }
            courses += 1
            refusals += found.ever.count
          }
        }
      }
    }
    print("forecast: \(courses) courses, \(refusals) refused connections foreseen, \(handshakes.asked) handshakes")
    #expect(courses > 1_000 && refusals > 20 && handshakes.asked > 100)
  }

  @Test("A system of ten thousand is judged at every moment, with every failure, in no more than a few seconds")
  func large() {
    let old = RootKey(String(repeating: "a", count: 64))
    let members = (1...10_000).map { number in
      Course.Member(
        id: .init(rawValue: Int64(number)), name: "c\(number)", stage: number % 7 + 1, presentsBefore: old,
        acceptsBefore: [old], peers: number % 2 == 0 ? [.init(rawValue: Int64(number % 100 + 1))] : nil)
    }
    // Counted by what the processor has done for it: others may use it, too.
    let start = Self.processorSeconds
    let forecast = Forecast(
      Course(
        members: members, root: RootKey(String(repeating: "b", count: 64)), policy: .stop, changesHTTPS: false))
    #expect(forecast.refusals.isEmpty)
    #expect(forecast.contingencies.count <= 60 && forecast.contingencyCount >= 10_000)
    #expect(Self.processorSeconds - start < 60)
  }

  private static var processorSeconds: Double { Double(clock()) / Double(CLOCKS_PER_SEC) }
}
