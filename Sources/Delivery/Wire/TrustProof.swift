import Foundation
import PKI
import Rotation

// The proof that a component accepts a root: it is shown a client certificate of that root, or it names the root when it
// asks for one. What a component has on its disk proves nothing, for it may not have loaded it.

extension ComponentDelivery {
  /// How it could be proven that the component accepts a further root; nil for one that has no trust bundle.
  ///
  /// A server is shown a client certificate of a root that nobody knows: one that refuses it will prove the new root by
  /// accepting it. Others prove it by naming it, as nginx does, which refuses nobody in the handshake itself.
  ///
  /// - Parameter bundle: the trust bundle as it is; nil where it could not be read.
  func trustEvidence(bundle: [Certificate]?) async -> TrustEvidence? {
    guard component.files.trustFile != nil else { return nil }
    guard component.usage.isServer else {
      return .notProvable(reason: "it only connects to others, and shows nobody whom it would accept")
    }
    guard !component.endpoints.isEmpty else {
      return .notProvable(reason: "no endpoint is configured at which it could be asked")
    }
    guard let bundle else { return .notProvable(reason: "its trust bundle could not be read") }
    guard let stranger = try? UnknownClient.identity(at: now(), algorithm: component.key) else {
      return .notProvable(reason: "no certificate could be made to ask it with")
    }
    var named: TrustEvidence?
    var reasons: [String] = []
    for endpoint in component.endpoints {
      switch await evidence(at: endpoint, stranger, bundle) {
      case .handshake(let place): return .handshake(endpoint: place)
      case .announcement(let place): named = named ?? .announcement(endpoint: place)
      case .notProvable(let reason): reasons.append(reason)
      }
    }
    return named ?? .notProvable(reason: reasons.joined(separator: "; "))
  }

  private func evidence(at endpoint: Endpoint, _ stranger: Identity, _ bundle: [Certificate]) async -> TrustEvidence {
    let place = endpoint.address
    do {
      let view = try await offer(stranger, authorities: bundle, to: endpoint, until: .now + lookTime)
      if !view.isAsked { return .notProvable(reason: "\(place) asks for no client certificate") }
      if view.namesOthersOnly {
        return .notProvable(reason: "\(place) names other authorities than those in the trust bundle")
      }
      if view.isRefusedEverywhere { return .handshake(endpoint: place) }
      if view.isNamedEverywhere { return .announcement(endpoint: place) }
      return .notProvable(
        reason: "\(place) lets every client certificate pass the handshake, and does not name whom it accepts")
    } catch {
      return .notProvable(reason: "\(place) could not be asked")
    }
  }

  private var lookTime: Duration { min(Self.lookLimit, .seconds(max(1, component.verificationTimeLimit))) }

  /// Proves that the component accepts a root, at every endpoint that can prove it; tries again until the component's time
  /// limit, and believes what has settled.
  ///
  /// - Parameters:
  ///   - identity: a client certificate that the root has signed.
  ///   - evidence: what the plan found possible.
  ///   - hasNamesake: whether a root of the same name was trusted before, so that the name alone proves nothing.
  ///   - former: who took its connections before it was activated, where that is known.
  ///   - whenSeen: called once it was seen, before it is seen whether that lasts; not called where nothing can be seen.
  /// - Returns: what was seen, one sentence for each endpoint; empty where nothing could be seen.
  /// - Throws: ``DeliveryFailure``: `NEW_ROOT_REFUSED`, `NEW_ROOT_NOT_NAMED`, `NEW_ROOT_NOT_PROVEN`.
  public func proveTrust(
    in root: Certificate, with identity: Identity, evidence: TrustEvidence?, hasNamesake: Bool,
    former: FormerWorkers? = nil, whenSeen: @Sendable () -> Void = {}
  ) async throws -> [String] {
    guard component.files.trustFile != nil, component.usage.isServer, !component.endpoints.isEmpty else { return [] }
    let stranger: Identity
    do {
      stranger = try UnknownClient.identity(at: now(), algorithm: component.key)
    } catch {
      throw DeliveryFailure(error, doing: "Making a certificate to ask “\(component.name)” with")
    }
    let question = TrustQuestion(
      root: root, identity: identity, stranger: stranger, evidence: evidence ?? .notProvable(reason: ""),
      hasNamesake: hasNamesake)
    let deadline = ContinuousClock.now + .seconds(max(1, component.verificationTimeLimit))
    var former = former
    var controls: [Endpoint: OfferView] = [:]
    var pause = Duration.milliseconds(100)
    var foundSince: ContinuousClock.Instant?
    var sightings = 0
    var wasSeen = false
    while true {
      // Asked before the look, which then meets nobody who has not loaded the root.
      let areGone = former?.areGone == true
      do {
        let seen = try await ask(question, &controls, until: max(deadline, .now + .seconds(5)))
        let since = foundSince ?? .now
        if !wasSeen, !seen.isEmpty { whenSeen() }
        wasSeen = !seen.isEmpty
        if seen.isEmpty || areGone || ContinuousClock.now - since >= Self.settling { return seen }
        foundSince = since
        sightings += 1
        await FormerWorkers.wait(for: former, atMost: Self.settlingPause(after: sightings))
        try Task.checkCancellation()
      } catch let failure as DeliveryFailure {
        if areGone { former = nil }
        foundSince = nil
        sightings = 0
        guard ContinuousClock.now + pause < deadline, !Task.isCancelled else { throw failure }
        try await Task.sleep(for: pause)
        pause = min(pause * 3 / 2, .seconds(1))
      }
    }
  }

  /// Asks every endpoint once.
  ///
  /// - Parameter controls: what each made of the unknown client: it is shown one time only, because servers count refused
  ///   handshakes, and may shut out whom they have refused too often.
  private func ask(
    _ question: TrustQuestion, _ controls: inout [Endpoint: OfferView], until deadline: ContinuousClock.Instant
  ) async throws -> [String] {
    var seen: [String] = []
    for endpoint in component.endpoints {
      do {
        let offered = try await offer(
          question.identity, authorities: [question.root], to: endpoint, until: min(deadline, .now + .seconds(5)))
        var control = controls[endpoint]
        if control == nil, offered.isAsked {
          control = try await offer(
            question.stranger, authorities: [], to: endpoint, until: min(deadline, .now + .seconds(5)))
          controls[endpoint] = control
        }
        if let sentence = try judge(offered, control, question) { seen.append(sentence) }
      } catch let problem as ProbeProblem {
        // An endpoint that proves nothing anyway is looked at by the verification.
        guard question.isExpected(at: endpoint) else { continue }
        throw Judgement(endpoint, component).failure(problem, at: endpoint.addresses?.first ?? endpoint.host)
      }
    }
    if seen.isEmpty, !question.evidence.isMissing { throw await notProven() }
    return seen
  }

  /// What was proven, nil for nothing; throws where the opposite was.
  private func judge(_ offered: OfferView, _ control: OfferView?, _ question: TrustQuestion) throws -> String? {
    guard offered.isAsked, let control else { return nil }
    let place = offered.endpoint.address
    let isExpected = question.isExpected(at: offered.endpoint)
    // One that names others only has another list of authorities than the trust bundle, and its refusal is about that.
    if let refusal = offered.refusal {
      // So is that of one whose neighbour is known to use the bundle: it may check its clients against another list.
      guard isExpected || question.evidence.isMissing && !offered.namesOthersOnly else { return nil }
      throw refused(place, refusal)
    }
    if control.isRefusedEverywhere {
      return "\(place) accepts a client certificate of the new root, and refuses one of an unknown root"
    }
    if offered.isNamedEverywhere {
      return question.hasNamesake ? nil : "\(place) names the new root among those that it accepts"
    }
    if isExpected, offered.namesOthersOnly { throw notNamed(place) }
    return nil
  }

  private func refused(_ place: String, _ reason: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "NEW_ROOT_REFUSED",
      sentence: "\(place) refuses a client certificate of the new root: \(reason)", advice: loadingAdvice)
  }

  private func notNamed(_ place: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "NEW_ROOT_NOT_NAMED",
      sentence: "\(place) does not name the new root among those that it accepts.", advice: loadingAdvice)
  }

  private func notProven() async -> DeliveryFailure {
    // Perhaps somebody else answers there.
    let served = await look().compactMap { endpoint, result in
      (try? result.get()).map { " \(endpoint.address) serves “\($0.subject)”, issued by “\($0.issuer)”." }
    }
    return DeliveryFailure(
      code: "NEW_ROOT_NOT_PROVEN",
      sentence: "“\(component.name)” could be asked whom it accepts when the plan was made, and cannot be asked now."
        + served.joined(),
      advice: "Find out why it asks for no client certificate any more, or accepts any; then retry.")
  }

  private var loadingAdvice: String {
    "“\(component.name)” has not loaded \(component.files.trustFile ?? "its trust bundle"), or reads its roots from "
      + "elsewhere, as one does that checks its clients against other roots. Check its configuration and that its activation really reloads them "
      + "(now: \(component.activation.sentence)), then retry."
  }
}

/// What is to be proven, and with what.
private struct TrustQuestion: Sendable {
  let root: Certificate
  let identity: Identity
  let stranger: Identity
  let evidence: TrustEvidence
  let hasNamesake: Bool

  /// Whether the plan found this endpoint able to prove it.
  func isExpected(at endpoint: Endpoint) -> Bool {
    switch evidence {
    case .handshake(let place), .announcement(let place): place == endpoint.address
    case .notProvable: false
    }
  }
}
