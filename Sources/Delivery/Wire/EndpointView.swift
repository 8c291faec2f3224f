import Foundation
import PKI
import Rotation

/// What one look at an endpoint showed: the chain that all its addresses serve, or why there is none.
struct EndpointView: Sendable {
  let endpoint: Endpoint
  let result: Result<[Certificate], DeliveryFailure>

  /// A served certificate, as it is recorded.
  func served(_ certificate: Certificate, at moment: Date) -> ServedCertificate {
    ServedCertificate(
      endpoint: endpoint.address, fingerprint: certificate.fingerprint.hex, subject: certificate.subject,
      issuer: certificate.issuer, notAfter: certificate.notAfter, seenAt: moment)
  }
}

extension ComponentDelivery {
  /// For how long one look at an endpoint may take at most.
  static let lookLimit = Duration.seconds(10)

  /// One look at each endpoint, all at once, in the order of the settings.
  public func look() async -> [(Endpoint, Result<ServedCertificate, DeliveryFailure>)] {
    let views: [EndpointView] = await look()
    return views.map { view in
      let result = view.result.flatMap { chain -> Result<ServedCertificate, DeliveryFailure> in
        guard let leaf = chain.first else { return .failure(Judgement(view.endpoint, component).nothingServed) }
        return .success(view.served(leaf, at: now()))
      }
      return (view.endpoint, result)
    }
  }

  /// The same with the whole chains, the leaf first; none is empty. Looks at the wire only.
  public func servedChains() async -> [(endpoint: Endpoint, result: Result<[Certificate], DeliveryFailure>)] {
    let views: [EndpointView] = await look()
    return views.map { view in
      (
        view.endpoint,
        view.result.flatMap { $0.isEmpty ? .failure(Judgement(view.endpoint, component).nothingServed) : .success($0) }
      )
    }
  }

  /// The same with the whole chains.
  func look() async -> [EndpointView] {
    let limit = min(Self.lookLimit, .seconds(max(1, component.verificationTimeLimit)))
    return await withTaskGroup(of: (Int, EndpointView).self) { group in
      for (index, endpoint) in component.endpoints.enumerated() {
        group.addTask {
          let judgement = Judgement(endpoint, component)
          do {
            let sightings = try await sight(endpoint, until: .now + limit)
            return (index, EndpointView(endpoint: endpoint, result: judgement.anything(sightings)))
          } catch {
            let failure = DeliveryFailure(error, doing: "Looking at \(endpoint.address)")
            return (index, EndpointView(endpoint: endpoint, result: .failure(failure)))
          }
        }
      }
      var views = await group.reduce(into: []) { $0.append($1) }
      views.sort { $0.0 < $1.0 }
      return views.map(\.1)
    }
  }

  /// A handshake with every address of an endpoint, all at once. Throws when the name has none.
  func sight(_ endpoint: Endpoint, until deadline: ContinuousClock.Instant) async throws -> [AddressSighting] {
    let addresses = try await addresses(of: endpoint, until: deadline)
    return await withTaskGroup(of: (Int, AddressSighting).self) { group in
      for (index, address) in addresses.enumerated() {
        group.addTask { (index, await sight(endpoint, at: address, until: deadline)) }
      }
      var sightings = await group.reduce(into: []) { $0.append($1) }
      sightings.sort { $0.0 < $1.0 }
      return sightings.map(\.1)
    }
  }

  /// Those that an endpoint gives, or those that its host has now. Throws when the name has none.
  func addresses(of endpoint: Endpoint, until deadline: ContinuousClock.Instant) async throws -> [String] {
    if let addresses = endpoint.addresses { return addresses }
    let host = endpoint.host
    return try await WorkThreads.wire.run(
      within: max(.milliseconds(1), deadline - .now),
      expired: { Addresses.unresolved(host, "the name service gives no answer in time") },
      { try Addresses.of(host) })
  }

  private func sight(
    _ endpoint: Endpoint, at address: String, until deadline: ContinuousClock.Instant
  ) async -> AddressSighting {
    let limit = max(.milliseconds(1), deadline - .now)
    do {
      let probe = probe
      let chain = try await WorkThreads.wire.run(within: limit, expired: { ProbeProblem.tooSlow }) {
        try probe.perform(endpoint, address, limit)
      }
      return AddressSighting(address: address, result: .success(chain))
    } catch let problem as ProbeProblem {
      return AddressSighting(address: address, result: .failure(problem))
    } catch {
      return AddressSighting(address: address, result: .failure(.broken("\(error)")))
    }
  }
}
