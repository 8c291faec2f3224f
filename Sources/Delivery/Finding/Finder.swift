import Foundation
import PKI
import Rotation

/// How the finder reaches the network: the only ways that it has.
struct FindingWire: Sendable {
  /// The addresses of a host name. Blocking.
  var resolve: @Sendable (_ host: String) throws -> [String]
  /// One handshake.
  var probe: Probe
  /// What a server says by itself. Blocking.
  var greeting: @Sendable (_ address: String, _ port: UInt16, _ timeLimit: Duration) -> [UInt8]

  /// The network itself.
  static let real = FindingWire(
    resolve: { try Addresses.of($0) }, probe: .handshake,
    greeting: { ServedChain.greeting(at: $0, port: $1, timeLimit: $2) })
}

/// Looks at places for servers with certificates. It connects to what was asked for and to nothing else, and sends nothing
/// but what begins TLS.
public struct Finder: Sendable {
  private let wire: FindingWire
  private let threads: WorkThreads
  private let names: NameLookup

  /// How long one handshake may take.
  static let attemptLimit = Duration.seconds(3)
  /// For how long a server is waited for that may begin to speak.
  static let greetingLimit = Duration.milliseconds(700)
  /// How many places are looked at at once.
  static let parallel = 16

  /// A finder over the network, on threads of its own.
  public init() {
    self.init(wire: .real)
  }

  init(wire: FindingWire, resolvingLimit: Duration = NameLookup.limit) {
    self.wire = wire
    threads = WorkThreads(count: Self.parallel, name: "finding")
    names = NameLookup(resolve: wire.resolve, limit: resolvingLimit)
  }

  /// A place whose host's addresses are known, or known not to be.
  private struct Lead: Sendable {
    let index: Int
    let addresses: Result<[String], DeliveryFailure>
  }

  /// Looks at all places, several at a time and while names are still being resolved, and tells each as soon as it is
  /// known. Once the task is cancelled or the time is over nothing new is begun; what is left is told as not looked at.
  ///
  /// - Parameter tell: takes the place's number in the list and what was seen.
  public func look(
    at places: [Place], within limit: Duration, tell: @escaping @Sendable (Int, PlaceSighting) async -> Void
  ) async {
    let deadline = ContinuousClock.now + limit
    let (leads, source) = AsyncStream.makeStream(of: Lead.self)
    async let resolving: Void = resolve(places, until: deadline, into: source)
    let begun = await follow(leads, to: places, until: deadline, tell: tell)
    await resolving
    for (index, place) in places.enumerated() where !begun.contains(index) {
      await tell(index, PlaceSighting(place: place, result: .notLooked))
    }
  }

  /// Gives out the places at addresses first, then those of each name as soon as it is resolved.
  private func resolve(
    _ places: [Place], until deadline: ContinuousClock.Instant, into source: AsyncStream<Lead>.Continuation
  ) async {
    var waiting: [String: [Int]] = [:]
    var hosts: [String] = []
    for (index, place) in places.enumerated() {
      if case .ip = SubjectName(text: place.host) {
        source.yield(Lead(index: index, addresses: .success([place.host])))
      } else {
        if waiting[place.host] == nil { hosts.append(place.host) }
        waiting[place.host, default: []].append(index)
      }
    }
    let indexes = waiting
    await names.resolve(hosts, until: deadline) { host, addresses in
      for index in indexes[host] ?? [] { source.yield(Lead(index: index, addresses: addresses)) }
    }
    source.finish()
  }

  /// - Returns: the numbers of the places that were looked at, or told to have no address.
  private func follow(
    _ leads: AsyncStream<Lead>, to places: [Place], until deadline: ContinuousClock.Instant,
    tell: @escaping @Sendable (Int, PlaceSighting) async -> Void
  ) async -> Set<Int> {
    await withTaskGroup(of: Void.self, returning: Set<Int>.self) { group in
      var begun: Set<Int> = []
      var running = 0
      for await lead in leads {
        let place = places[lead.index]
        switch lead.addresses {
        case .failure(let failure):
          begun.insert(lead.index)
          await tell(lead.index, PlaceSighting(place: place, result: .silent(failure.failure.sentence)))
        case .success(let addresses):
          if running == Self.parallel {
            await group.next()
            running -= 1
          }
          guard !Task.isCancelled, ContinuousClock.now < deadline else { continue }
          begun.insert(lead.index)
          running += 1
          group.addTask { await tell(lead.index, await look(at: place, addresses, until: deadline)) }
        }
      }
      return begun
    }
  }

  private func look(
    at place: Place, _ addresses: [String], until deadline: ContinuousClock.Instant
  ) async -> PlaceSighting {
    let sighting = await lookOnce(at: place, addresses, until: deadline)
    guard case .silent = sighting.result, let other = place.otherHost else { return sighting }
    let second = await lookOnce(
      at: Place(host: other, port: place.port, process: place.process), [other], until: deadline)
    if case .silent = second.result { return sighting }
    return second
  }

  private func lookOnce(
    at place: Place, _ addresses: [String], until deadline: ContinuousClock.Instant
  ) async -> PlaceSighting {
    var results: [PlaceSighting.Result] = []
    for address in addresses {
      let look = AddressLook(place: place, address: address, wire: wire, deadline: deadline)
      results.append((try? await threads.run { look.result() }) ?? .notLooked)
    }
    return PlaceSighting(place: place, result: Self.together(results))
  }

  /// The best that some address showed.
  private static func together(_ results: [PlaceSighting.Result]) -> PlaceSighting.Result {
    let found = results.compactMap { PlaceSighting(place: Place(host: "", port: 1), result: $0).found }
    if var first = found.first {
      first.differs = found.contains { $0.leaf != first.leaf }
      return .serves(first)
    }
    let answering = results.first { if case .noTLS = $0 { true } else { false } }
    return answering ?? results.first ?? .notLooked
  }
}

/// One look at one address. Blocking, for a few attempts.
private struct AddressLook: Sendable {
  let place: Place
  let address: String
  let wire: FindingWire
  let deadline: ContinuousClock.Instant

  func result() -> PlaceSighting.Result {
    switch attempt(.tls) {
    case .success(let leaf): return serves(leaf, .tls, greeting: "")
    case .failure(.nobody(let reason)): return .silent(reason.isEmpty ? "nobody answers" : reason)
    case .failure(.tooSlow): return .silent("no answer in time")
    case .failure(.mute): return .noTLS("It accepts connections, but says nothing.")
    case .failure(let problem): return afterAnotherBeginning(problem)
    }
  }

  /// TLS did not begin at once. What the server says by itself, or that it says nothing, leaves few ways to try.
  private func afterAnotherBeginning(_ problem: ProbeProblem) -> PlaceSighting.Result {
    let limit = min(Finder.greetingLimit, deadline - .now)
    guard limit > .zero else { return .notLooked }
    let greeting = wire.greeting(address, place.port, limit)
    let text = VisibleText.of(String(decoding: greeting.prefix(200), as: UTF8.self), limit: 200)
    for transport in Self.transports(after: greeting) {
      if case .success(let leaf) = attempt(transport) { return serves(leaf, transport, greeting: text) }
    }
    if !greeting.isEmpty { return .noTLS("It answers without TLS: \(text)") }
    if case .broken(let reason) = problem { return .noTLS(reason) }
    return .noTLS("It answers, but not with TLS.")
  }

  private func attempt(_ transport: Endpoint.Transport) -> Swift.Result<Certificate, ProbeProblem> {
    let limit = min(Finder.attemptLimit, deadline - .now)
    guard limit > .zero else { return .failure(.tooSlow) }
    do {
      let endpoint = Endpoint(host: place.host, port: place.port, transport: transport)
      guard let leaf = try wire.probe.perform(endpoint, address, limit).first else {
        return .failure(.broken("no certificate"))
      }
      return .success(leaf)
    } catch let problem as ProbeProblem {
      return .failure(problem)
    } catch {
      return .failure(.broken("\(error)"))
    }
  }

  private func serves(_ leaf: Certificate, _ transport: Endpoint.Transport, greeting: String) -> PlaceSighting.Result {
    let kind = KindGuess.kind(port: place.port, transport: transport, process: place.process, greeting: greeting)
    return .serves(PlaceSighting.Found(leaf: leaf, transport: transport, kind: kind))
  }

  /// The ways in which TLS may begin after a greeting: SMTP's begins with 220 (RFC 5321, section 4.2), IMAP's with `* OK`
  /// (RFC 9051, section 7.1), MariaDB's is a packet of protocol version 10. Who says nothing waits for the client.
  private static func transports(after greeting: [UInt8]) -> [Endpoint.Transport] {
    if greeting.isEmpty { return [.postgresql, .ldap] }
    if greeting.starts(with: Array("220".utf8)) { return [.smtp] }
    if greeting.starts(with: Array("* ".utf8)) { return [.imap] }
    return greeting.count > 4 && greeting[3] == 0 && greeting[4] == 10 ? [.mariadb] : []
  }
}
