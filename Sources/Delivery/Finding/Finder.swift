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

  /// How long one handshake, or the resolving of a name, may take.
  static let attemptLimit = Duration.seconds(3)
  /// For how long a server is waited for that may begin to speak.
  static let greetingLimit = Duration.milliseconds(700)
  /// How many addresses of one name are looked at.
  static let addressLimit = 8
  /// How many places are looked at at once.
  static let parallel = 16

  /// A finder over the network, on threads of its own.
  public init() {
    self.init(wire: .real)
  }

  init(wire: FindingWire) {
    self.wire = wire
    threads = WorkThreads(count: Self.parallel, name: "finding")
  }

  /// Looks at all places, several at a time, and tells each as soon as it is known. Once the task is cancelled or the time
  /// is over nothing new is begun; what is left is told as not looked at.
  ///
  /// - Parameter tell: takes the place's number in the list and what was seen.
  public func look(
    at places: [Place], within limit: Duration, tell: @escaping @Sendable (Int, PlaceSighting) async -> Void
  ) async {
    let deadline = ContinuousClock.now + limit
    let addresses = await addresses(of: Set(places.map(\.host)), until: deadline)
    await withTaskGroup(of: Void.self) { group in
      for (index, place) in places.enumerated() {
        if index >= Self.parallel { await group.next() }
        group.addTask {
          guard !Task.isCancelled, ContinuousClock.now < deadline else {
            await tell(index, PlaceSighting(place: place, result: .notLooked))
            return
          }
          let known = addresses[place.host] ?? .failure(Addresses.unresolved(place.host, "there was no time left"))
          await tell(index, PlaceSighting(place: place, result: await look(at: place, known, until: deadline)))
        }
      }
    }
  }

  private func addresses(of hosts: Set<String>, until deadline: ContinuousClock.Instant) async -> [String: Result<
    [String], DeliveryFailure
  >] {
    await withTaskGroup(of: (String, Result<[String], DeliveryFailure>).self) { group in
      for host in hosts {
        if case .ip = SubjectName(text: host) {
          group.addTask { (host, .success([host])) }
          continue
        }
        group.addTask {
          let limit = max(.milliseconds(1), deadline - .now)
          let late = Addresses.unresolved(host, "the name service gives no answer in time")
          do {
            let resolve = wire.resolve
            let found = try await threads.run(within: limit, expired: { late }) { try resolve(host) }
            return (host, .success(Array(found.prefix(Self.addressLimit))))
          } catch {
            return (host, .failure(DeliveryFailure(error, doing: "Resolving \(host)")))
          }
        }
      }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
  }

  private func look(
    at place: Place, _ addresses: Result<[String], DeliveryFailure>, until deadline: ContinuousClock.Instant
  ) async -> PlaceSighting.Result {
    switch addresses {
    case .failure(let failure): return .silent(failure.failure.sentence)
    case .success(let addresses):
      var results: [PlaceSighting.Result] = []
      for address in addresses {
        let look = AddressLook(place: place, address: address, wire: wire, deadline: deadline)
        results.append((try? await threads.run { look.result() }) ?? .notLooked)
      }
      return Self.together(results)
    }
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
