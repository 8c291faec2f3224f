import Delivery
import Foundation
import PKI
import Rotation
import Store

/// What one look at the whole system showed of a root that is retiring.
struct DependencyReport: Sendable {
  /// What stands in the way of retiring it.
  var dependencies: [Dependency]
  /// The trust bundles that hold it: the component's name and the file's path.
  var bundles: [(component: String, path: String)]
  /// How many components were looked at.
  var componentCount: Int
  /// When the look had ended.
  var at: Date
}

/// Looks at every component, and at the console itself, for certificates that lead to a root.
struct DependencyLook: Sendable {
  private let surroundings: UpdateSurroundings

  init(_ surroundings: UpdateSurroundings) {
    self.surroundings = surroundings
  }

  private var store: Store { surroundings.store }

  /// How long one waits before looking again at what could not be seen.
  private static let pause = Duration.milliseconds(250)

  private struct Look: Sendable {
    let component: Component
    var chains: [PresentedChain]
    var bundle: [Certificate]
  }

  /// Looks once.
  ///
  /// - Parameter patiently: looks again at a component that could not be seen, until its verification time limit: while
  ///   an update runs one may just be reloading.
  /// - Throws: ``StoreError`` only; what could not be seen is part of the report.
  func report(on root: RootKey, keeping kept: RootKey, patiently: Bool = false) async throws -> DependencyReport {
    let components = try await store.components()
    let aside = try await store.setAsideComponents()
    var known = try await store.roots().map(\.certificate) + (try await store.authorities().map(\.certificate))
    if let certificate = try await store.rootCertificate(root) { known.append(certificate) }
    let start = ContinuousClock.now
    var looks = await ManyAtOnce.each(components) { await look(at: $0) }
    while true {
      let report = await report(looks, root, kept, aside, known)
      let unseen = Set(report.dependencies.filter { $0.kind == .unseen }.compactMap(\.component))
      let again = looks.indices.filter { index in
        let component = looks[index].component
        return unseen.contains(component.id) && ContinuousClock.now - start < .seconds(component.verificationTimeLimit)
      }
      let isCertain = report.dependencies.contains { $0.kind != .unseen }
      guard patiently, !isCertain, !again.isEmpty, !Task.isCancelled else { return report }
      try? await Task.sleep(for: Self.pause)
      let renewed = await ManyAtOnce.each(again.map { looks[$0].component }) { await look(at: $0) }
      for (index, look) in zip(again, renewed) { looks[index] = look }
    }
  }

  private func look(at component: Component) async -> Look {
    let delivery = ComponentDelivery(
      component: component, access: surroundings.access(component), now: surroundings.clock)
    async let bundle = try? delivery.bundleNow()
    return Look(component: component, chains: await delivery.presentedChains(), bundle: await bundle ?? [])
  }

  private func report(
    _ looks: [Look], _ root: RootKey, _ kept: RootKey, _ aside: Set<Component.ID>, _ known: [Certificate]
  ) async -> DependencyReport {
    var seen: Set<Fingerprint> = []
    // A server may leave it to its peers to hold what stands between its certificate and the root.
    let all = (known + looks.flatMap(\.bundle)).filter { seen.insert($0.fingerprint).inserted }
    // A way to the root that stays counts only if every peer can go it: over what all of them hold.
    let bundles = looks.map(\.bundle).filter { !$0.isEmpty }
    let common = (bundles.first ?? []).filter { one in bundles.allSatisfy { $0.contains(one) } }
    let paths = KnownPaths(all: all, safe: known.filter(\.isSelfIssued) + common, kept: kept)
    var holders = looks.map { look in
      RootHolder(
        component: look.component.id, name: look.component.name,
        sightings: look.chains.map { $0.sighting(along: paths) },
        isSetAside: aside.contains(look.component.id))
    }
    holders.append(await console(along: paths))
    return DependencyReport(
      dependencies: holders.flatMap { $0.dependencies(on: root, keeping: kept) },
      bundles: looks.compactMap { look in
        guard let path = look.component.files.trustFile,
          look.bundle.contains(where: { $0.fingerprint.hex == root.fingerprint })
        else { return nil }
        return (look.component.name, path)
      },
      componentCount: looks.count, at: surroundings.clock())
  }

  /// The console as anybody sees it who connects; before it listens, what it is about to serve.
  private func console(along paths: KnownPaths) async -> RootHolder {
    let chain = (try? await surroundings.https.lookAtItself()) ?? surroundings.https.current.chain
    let content = RootSighting.Content.served(
      subject: chain.first?.subject ?? "", roots: paths.roots(of: chain))
    return RootHolder(
      component: nil, name: "This console",
      sightings: [RootSighting(place: "This console", content: content, seenAt: surroundings.clock())])
  }
}

/// The certificates over which a chain may lead to a root.
private struct KnownPaths: Sendable {
  /// Those that anybody holds: a way over them to the root that goes counts, whoever can go it.
  let all: [Certificate]
  /// Those that everybody holds: only a way over these to the root that stays is one for every peer.
  let safe: [Certificate]
  let kept: RootKey

  func roots(of chain: [Certificate]) -> Set<RootKey> {
    var roots = RootPaths.roots(of: chain, among: all)
    if !RootPaths.roots(of: chain, among: safe).contains(kept) { roots.remove(kept) }
    return roots
  }
}

extension PresentedChain {
  /// What was seen, as far as roots are concerned.
  fileprivate func sighting(along paths: KnownPaths) -> RootSighting {
    let content: RootSighting.Content
    switch result {
    case .failure(let failure): content = .unseen(failure.failure.sentence)
    case .success(nil): content = .missing
    case .success(let chain?):
      let (subject, roots) = (chain.first?.subject ?? "", paths.roots(of: chain))
      content = isOnWire ? .served(subject: subject, roots: roots) : .deployed(subject: subject, roots: roots)
    }
    return RootSighting(place: place, content: content, seenAt: seenAt)
  }
}

extension RootRecord {
  /// The root as the core knows it.
  var planned: PlannedRoot {
    PlannedRoot(
      id: id.rawValue, name: name, subject: certificate.subject, key: RootKey(certificate.fingerprint.hex),
      notBefore: certificate.notBefore, notAfter: certificate.notAfter, token: module?.token)
  }
}
