import Foundation
import PKI
import Rotation

extension ComponentDelivery {
  /// Waits until every address of every endpoint serves exactly the expected certificate, with a chain to the root and
  /// for the right name; throws what was wrong last when the component's time limit is over.
  ///
  /// For a component without endpoints the files on the disk are compared instead, and nothing is returned.
  ///
  /// - Parameters:
  ///   - deployed: what was deployed last, where that is known.
  ///   - former: who took its connections before it was activated, where that is known.
  ///   - whenSeen: called once all were found so, several times in a row, before it is seen whether that lasts; not called
  ///     where nothing is watched.
  public func verify(
    expected: Certificate, root: Certificate, previous: Fingerprint?, deployed: DeployedChild? = nil,
    former: FormerWorkers? = nil, whenSeen: @escaping @Sendable () -> Void = {}
  ) async throws -> [ServedCertificate] {
    guard !component.endpoints.isEmpty else {
      try await requireFiles(expected, deployed: deployed)
      return []
    }
    return try await watch(
      component.endpoints.map { ($0, Expectation.exactly(expected, root: root, previous: previous)) },
      former: former, whenSeen: whenSeen)
  }

  /// Looks at the endpoints, each again and again, until all are as expected. The failures of several become one.
  ///
  /// - Parameters:
  ///   - former: who took the connections before the component was activated, where that is known.
  ///   - whenSeen: called once all were found so several times in a row, if there are any, before it is seen whether that
  ///     lasts.
  func watch(
    _ expectations: [(endpoint: Endpoint, expectation: Expectation)], former: FormerWorkers? = nil,
    whenSeen: @escaping @Sendable () -> Void = {}
  ) async throws -> [ServedCertificate] {
    let first = FirstSight(of: expectations.count, whenSeen: whenSeen)
    let deadline = ContinuousClock.now + .seconds(max(1, component.verificationTimeLimit))
    if !expectations.isEmpty { await former?.waitAtFirst() }
    let results = await withTaskGroup(of: (Int, Result<ServedCertificate, DeliveryFailure>).self) { group in
      for (index, row) in expectations.enumerated() {
        group.addTask { (index, await watch(row.endpoint, row.expectation, until: deadline, former, first)) }
      }
      var results = await group.reduce(into: []) { $0.append($1) }
      results.sort { $0.0 < $1.0 }
      return results.map(\.1)
    }
    let failures = results.compactMap { result -> Failure? in
      guard case .failure(let failure) = result else { return nil }
      return failure.failure
    }
    guard let first = failures.first else { return try results.map { try $0.get() } }
    throw DeliveryFailure(
      code: first.code,
      sentence: failures.map(\.sentence).joined(separator: " ")
        + " This was still so after \(max(1, component.verificationTimeLimit)) seconds of trying.",
      advice: first.advice)
  }

  /// For how long every look has to find what is expected before it is believed. A server that reloads lets its former
  /// workers go on for a moment, which accept connections beside the new ones (nginx's do for about 100 ms), so one
  /// look may meet the new certificate and the next connection the old one. Where it is known that they are gone, a look
  /// tells what all later ones will find.
  static let settling = Duration.milliseconds(300)

  /// So many looks in a row find what is expected before others may begin while it is watched on: servers whose former workers
  /// stay take turns.
  private static let convincing = 3

  /// How soon one looks again after finding what is expected: soon until that is convincing, since others wait for it; then
  /// each look costs the server more than it tells.
  ///
  /// - Parameter sightings: how often it was found in a row.
  static func settlingPause(after sightings: Int) -> Duration { .milliseconds(sightings < convincing ? 20 : 100) }

  /// How soon one looks again after something else was found: a server that reloads takes some ten milliseconds.
  private static let firstPause = Duration.milliseconds(25)

  /// Looks at once, then after ever longer pauses of up to a second, until what is expected was found at every look of the
  /// settling time. That may end a little after the deadline, for something found just before it.
  private func watch(
    _ endpoint: Endpoint, _ expectation: Expectation, until deadline: ContinuousClock.Instant, _ former: FormerWorkers?,
    _ first: FirstSight
  ) async -> Result<ServedCertificate, DeliveryFailure> {
    let judgement = Judgement(endpoint, component)
    var pause = Self.firstPause
    var former = former
    var sightings = 0
    var verified: [String: [Certificate]] = [:]
    let seen = first.look()
    var foundSince: ContinuousClock.Instant?
    // The last thing that was seen is told, and not that the time was over while looking once more.
    var last: DeliveryFailure?
    while !Task.isCancelled {
      let end = foundSince == nil ? deadline : max(deadline, .now + .seconds(5))
      // Asked before the look: only what came after can tell what all later ones will find.
      let areGone = former?.areGone == true
      switch await look(endpoint, expectation, judgement, until: end, &verified) {
      case .success(let leaf):
        let since = foundSince ?? .now
        foundSince = since
        sightings += 1
        if sightings == Self.convincing { seen() }
        if areGone && sightings >= Self.convincing || ContinuousClock.now - since >= Self.settling {
          return .success(EndpointView(endpoint: endpoint, result: .success([leaf])).served(leaf, at: now()))
        }
        await FormerWorkers.wait(for: former, atMost: Self.settlingPause(after: sightings))
        continue
      case .failure(let failure):
        // Somebody answers who was not known.
        if areGone { former = nil }
        foundSince = nil
        sightings = 0
        verified = [:]
        // With the time a look may also end while the name of the host is being resolved.
        let isCutShort = ["NO_ANSWER_IN_TIME", "NAME_NOT_RESOLVED"].contains(failure.code)
        if last == nil || !isCutShort || ContinuousClock.now < deadline { last = failure }
      }
      guard ContinuousClock.now + pause < deadline else { break }
      try? await Task.sleep(for: pause)
      pause = min(pause * 3 / 2, .seconds(1))
    }
    return .failure(last ?? judgement.nothingServed)
  }

  /// One look at all addresses of an endpoint.
  private func look(
    _ endpoint: Endpoint, _ expectation: Expectation, _ judgement: Judgement, until deadline: ContinuousClock.Instant,
    _ verified: inout [String: [Certificate]]
  ) async -> Result<Certificate, DeliveryFailure> {
    do {
      let sightings = try await sight(endpoint, until: attemptEnd(deadline))
      return judgement.judge(sightings, expectation, at: now(), &verified)
    } catch {
      return .failure(DeliveryFailure(error, doing: "Verifying \(endpoint.address)"))
    }
  }

  /// A server that hangs in one handshake may answer the next one at once, so none gets the whole time.
  private func attemptEnd(_ deadline: ContinuousClock.Instant) -> ContinuousClock.Instant {
    min(deadline, .now + max(.seconds(5), .seconds(component.verificationTimeLimit) / 3))
  }

  /// Throws `FILES_NOT_AS_DEPLOYED` unless the component's files hold exactly this certificate, and its key.
  ///
  /// - Parameter deployed: what was deployed last, where that is known: files that hold the same bytes hold the same.
  public func requireFiles(_ expected: Certificate, deployed: DeployedChild? = nil) async throws {
    let files = component.files
    guard let (role, path) = files.chainFile, let (keyRole, keyPath) = files.keyFile else { return }
    // A key that stays at the target is looked at there.
    let read = try await access.readAll(component.keepsKey ? [path] : [path, keyPath])
    if let deployed, !component.keepsKey, deployed.certificate == expected, deployed.isStill(read[0], at: path),
      deployed.isStill(read[1], at: keyPath)
    {
      return
    }
    guard let chain = read[0] else { throw notDeployed("\(path) is missing") }
    let contents = try await contents()
    guard try await contents.chain(chain.content, role, path: path).first == expected else {
      throw notDeployed("\(path) holds another certificate")
    }
    let isHolder: Bool
    if component.keepsKey {
      isHolder = try await holder(of: expected, at: keyPath) != nil
    } else {
      guard let key = read[1] else { throw notDeployed("\(keyPath) is missing") }
      isHolder = try await contents.key(key.content, keyRole, path: keyPath)?.matches(expected) == true
    }
    guard isHolder else {
      throw notDeployed("the key in \(keyPath) does not belong to the certificate in \(path)")
    }
  }

  private func notDeployed(_ reason: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "FILES_NOT_AS_DEPLOYED",
      sentence: "The files of “\(component.name)” are not as they were deployed: \(reason).",
      advice: "Find out which program changed them, then retry.")
  }
}
