import Foundation
import PKI
import Rotation
import Synchronization

/// What the addresses of one endpoint did with a client certificate.
struct OfferView: Sendable {
  let endpoint: Endpoint
  let answers: [ClientOffer.Answer]

  var isAsked: Bool { answers.contains(where: \.isAsked) }
  var isRefusedEverywhere: Bool { !answers.isEmpty && answers.allSatisfy { $0.refusal != nil } }
  /// Whether every address that asks names an authority of those in question.
  var isNamedEverywhere: Bool { isAsked && answers.filter(\.isAsked).allSatisfy { !$0.named.isEmpty } }
  /// Whether one of the addresses names authorities, and none of those in question.
  var namesOthersOnly: Bool { answers.contains { $0.isAsked && $0.announced > 0 && $0.named.isEmpty } }
  var refusal: String? { answers.lazy.compactMap(\.refusal).first }
}

/// A client certificate of a root that nobody can know, because it exists for looks alone.
enum UnknownClient {
  private static let known = Mutex<[KeyKind: (identity: Identity, madeAt: Date)]>([:])
  /// For how long one is good for further looks, in seconds: an RSA key takes longer to make than many looks.
  private static let lifetime: TimeInterval = 1800

  /// One that is valid for half an hour at least; its root's key was gone as soon as it was made.
  ///
  /// - Parameter algorithm: the kind of the client's key: some servers take only one.
  static func identity(at moment: Date, algorithm: KeyKind) throws -> Identity {
    if let (identity, madeAt) = known.withLock({ $0[algorithm] }), abs(moment.timeIntervalSince(madeAt)) < lifetime {
      return identity
    }
    let made = try make(at: moment, algorithm: algorithm)
    known.withLock { $0[algorithm] = (made, moment) }
    return made
  }

  private static func make(at moment: Date, algorithm: KeyKind) throws -> Identity {
    let root = try RootMaker.makeRoot(
      commonName: "Unknown root (a look by Reroot)", algorithm: .ecdsaP256, notBefore: moment - 3600,
      notAfter: moment + 3600)
    let key = try PrivateKey.generate(algorithm.algorithm)
    let request = ChildRequest(
      names: [.dns("unknown-client.invalid")], usage: .client, publicKeyOf: key, serialNumber: .random(),
      notBefore: moment - 3600, notAfter: moment + 3600)
    let certificate = root.chain[0]
    let child = try Issuer(root: certificate, key: root.key)
      .sign(CheckedRequest(request, root: certificate, now: moment))
    return Identity(chain: [child], key: key)
  }
}

extension ComponentDelivery {
  /// Shows a client certificate to every address of an endpoint, all at once.
  ///
  /// - Parameter authorities: the roots of which is asked whether the server names them.
  /// - Throws: why an address could not be asked. A family of addresses in which nobody listens does not count.
  func offer(
    _ identity: Identity, authorities: [Certificate], to endpoint: Endpoint, until deadline: ContinuousClock.Instant
  ) async throws -> OfferView {
    let addresses = try await addresses(of: endpoint, until: deadline)
    let results = await withTaskGroup(of: (Int, Result<ClientOffer.Answer, ProbeProblem>).self) { group in
      for (index, address) in addresses.enumerated() {
        group.addTask {
          (index, await offer(identity, authorities, to: endpoint, at: address, until: deadline))
        }
      }
      var results = await group.reduce(into: []) { $0.append($1) }
      results.sort { $0.0 < $1.0 }
      return results.map(\.1)
    }
    var answers: [ClientOffer.Answer] = []
    var silent: ProbeProblem?
    for result in results {
      switch result {
      case .success(let answer): answers.append(answer)
      case .failure(.nobody(let reason)): silent = .nobody(reason)
      case .failure(let problem): throw problem
      }
    }
    if answers.isEmpty, let silent { throw silent }
    return OfferView(endpoint: endpoint, answers: answers)
  }

  private func offer(
    _ identity: Identity, _ authorities: [Certificate], to endpoint: Endpoint, at address: String,
    until deadline: ContinuousClock.Instant
  ) async -> Result<ClientOffer.Answer, ProbeProblem> {
    let limit = max(.milliseconds(1), deadline - .now)
    do {
      let probe = probe
      return .success(
        try await WorkThreads.wire.run(within: limit, expired: { ProbeProblem.tooSlow }) {
          try probe.offer(endpoint, address, identity, authorities, limit)
        })
    } catch let problem as ProbeProblem {
      return .failure(problem)
    } catch {
      return .failure(.broken("\(error)"))
    }
  }
}
