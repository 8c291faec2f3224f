import Foundation
import PKI
import Rotation

extension ComponentDelivery {
  /// Looks at everything that an update of this component needs, and keeps its files. Changes nothing, but puts right
  /// first what a crash left half done.
  ///
  /// - Parameter newRoot: the root that is to be brought in: then it is also looked at how its acceptance could be proven.
  /// - Returns: what was found, problems included, and the files to keep for rolling back.
  public func inspect(
    knownRoots: [Certificate], newRoot: Certificate? = nil, now: Date
  ) async -> (findings: Findings, snapshot: [SnapshotFile]) {
    var inspection = Inspection(delivery: self, knownRoots: knownRoots, now: now)
    async let views: [EndpointView] = look()
    await inspection.lookAtFiles()
    await inspection.lookAtActivation()
    inspection.take(await views)
    if let newRoot { await inspection.lookAtTrust(newRoot) }
    return (inspection.findings, inspection.snapshot)
  }
}

/// One look at a component, while it is being put together.
struct Inspection {
  private let delivery: ComponentDelivery
  private let knownRoots: [Certificate]
  private let now: Date
  private var bundle: [Certificate]?
  private var presented: Certificate?
  private var deployed: (path: String, chain: [Certificate])?
  private(set) var findings = Findings()
  private(set) var snapshot: [SnapshotFile] = []

  init(delivery: ComponentDelivery, knownRoots: [Certificate], now: Date) {
    self.delivery = delivery
    self.knownRoots = knownRoots
    self.now = now
  }

  private var component: Component { delivery.component }
  private var access: TargetAccess { delivery.access }

  /// The files: what they hold, whether they belong together, whether they can be replaced.
  mutating func lookAtFiles() async {
    let access = access
    await recover()
    for (role, path) in component.files.paths {
      var state: FoundFile.State?
      do {
        // A key that stays at the target is not read; the deployment keeps it there.
        let file = keeps(role) ? nil : try await access.read(path)
        state = keeps(role) ? try await access.state(path) : file?.state
        snapshot.append(SnapshotFile(file: FoundFile(role: role, path: path, state: state), content: file?.content))
      } catch {
        // What cannot be kept could not be put back.
        add(DeliveryFailure(error, doing: "Reading \(path)"), isBlocking: true)
      }
      await note("Looking at \(path)") { try await access.checkWritable(path) }
      let owner = component.files.owner ?? state.map { String($0.owner) }
      let group = component.files.group ?? state.map { String($0.group) }
      await note("Looking up the owner of \(path)") { try await access.checkOwner(owner, group) }
    }
    findings.files = snapshot.map(\.file)
    await readContents()
  }

  private func keeps(_ role: FileLayout.Role) -> Bool { role == .key && component.keepsKey }

  /// The activation: whether what it needs is there, and what its check says of the configuration as it stands.
  mutating func lookAtActivation() async {
    let access = access
    await lookAtCheck()
    switch component.activation.method {
    case .none: break
    case .command(let words):
      await note("Looking for the activation command") { try await access.checkProgram(words.first ?? "") }
    case .haproxySocket(let socket):
      await note("Looking at HAProxy’s socket \(socket)") { [delivery] in try await delivery.runtime(socket).look() }
    case .signal(let name, let pidFile):
      await note("Looking at \(pidFile)") { try await access.checkSignal(name, pidFile) }
    }
  }

  private mutating func lookAtCheck() async {
    guard let words = component.activation.check else { return }
    do {
      try await access.checkProgram(words.first ?? "")
      try await delivery.check()
    } catch let refusal as DeliveryFailure where refusal.code == "CHECK_REFUSED" {
      add(delivery.refusedToday(refusal.failure.output, words))
    } catch {
      add(DeliveryFailure(error, doing: "Checking the configuration of “\(component.name)”"))
    }
  }

  /// The wire: what each endpoint served, and whether that is what the files hold.
  mutating func take(_ views: [EndpointView]) {
    var leaf: (chain: [Certificate], place: String)?
    for view in views {
      switch view.result {
      case .failure(let failure): add(failure)
      case .success(let chain):
        guard let served = chain.first else { continue }
        findings.served.append(view.served(served, at: now))
        leaf = leaf ?? (chain, view.endpoint.address)
        compare(served, view.endpoint)
        addUnlessValid(served, "The certificate that \(view.endpoint.address) serves")
      }
    }
    if leaf == nil, let deployed {
      leaf = (deployed.chain, deployed.path)
      if let first = deployed.chain.first { addUnlessValid(first, "The certificate in \(deployed.path)") }
    }
    findings.previousNotAfter = leaf?.chain.first?.notAfter
    findings.previousNotBefore = leaf?.chain.first?.notBefore
    let roots = knownRoots + (bundle ?? []).filter(\.isSelfIssued)
    presented = leaf.flatMap { RootSearch.root(of: $0.chain, among: roots) }
    findings.presents = presented.map { RootKey($0.fingerprint.hex) }
  }

  /// Trust in a new root: how it could be proven, and whether a root of that name and another key is there already.
  mutating func lookAtTrust(_ newRoot: Certificate) async {
    var seen: Set<Fingerprint> = []
    findings.namesakes = ((bundle ?? []) + [presented].compactMap(\.self))
      .filter { $0.hasSameSubject(as: newRoot) && $0.publicKeyFingerprint != newRoot.publicKeyFingerprint }
      .filter { seen.insert($0.fingerprint).inserted }
      .map { Namesake(fingerprint: $0.fingerprint.hex, notAfter: $0.notAfter) }
    let evidence = await delivery.trustEvidence(bundle: bundle)
    findings.trustEvidence = findings.namesakes?.isEmpty == false ? evidence?.withoutNames : evidence
  }

  private mutating func recover() async {
    do {
      for recovery in try await access.recover(component.files.paths.map(\.path)) where !recovery.leftAsFound.isEmpty {
        findings.problems.append(
          Problem(
            code: "CHANGED_AFTER_CRASH",
            sentence: "\(recovery.sentence) But \(recovery.leftAsFound.joined(separator: ", ")) had been changed by "
              + "somebody since, and was left as it is.",
            advice: "Check that certificate, key and bundle of “\(component.name)” belong together."))
      }
    } catch {
      add(DeliveryFailure(error, doing: "Undoing a replacement that was cut short"))
    }
  }

  private mutating func readContents() async {
    // One that could not be read is not known to be empty.
    if snapshot.contains(where: { $0.file.path == component.files.trustFile }) { bundle = [] }
    let contents: FileContents
    do {
      contents = try await delivery.contents()
    } catch {
      // Without its password no store could be made either.
      return add(DeliveryFailure(error, doing: "Reading the password of the stores"), isBlocking: true)
    }
    var key: (path: String, key: PrivateKey)?
    for kept in snapshot {
      guard let content = kept.content else { continue }
      let (role, path) = (kept.file.role, kept.file.path)
      do {
        switch role {
        case .trustBundle, .trustStore: bundle = try await contents.bundle(content, role, path: path)
        case .certificateChain: deployed = (path, try await contents.chain(content, role, path: path))
        case .key: key = try await contents.key(content, role, path: path).map { (path, $0) }
        case .combined, .keyStore:
          deployed = (path, try await contents.chain(content, role, path: path))
          key = try await contents.key(content, role, path: path).map { (path, $0) }
        }
        try await contents.requireReplaceable(content, role, path: path)
      } catch {
        // A store or a bundle that cannot be read cannot be replaced either: nobody knows what would be lost with it.
        let isTrust = role == .trustBundle || role == .trustStore
        if isTrust { bundle = nil }
        let failure = DeliveryFailure(error, doing: "Reading \(path)")
        add(failure, isBlocking: role.isStore || isTrust || failure.code == PEMFile.notPEM)
      }
    }
    await compareKeptKey()
    findings.accepts = bundle.map { Set($0.map { RootKey($0.fingerprint.hex) }) }
    guard let key, let deployed, let leaf = deployed.chain.first, !key.key.matches(leaf) else { return }
    add(keyDoesNotMatch(key.path, deployed.path, leaf))
  }

  /// A key that stays at the target is compared by its public half.
  private mutating func compareKeptKey() async {
    guard component.keepsKey, let path = component.files.key else { return }
    do {
      guard let view = try await access.lookAtKey(path), let deployed, let leaf = deployed.chain.first,
        view.publicKey != leaf.publicKeyFingerprint
      else { return }
      add(keyDoesNotMatch(path, deployed.path, leaf))
    } catch {
      let failure = DeliveryFailure(error, doing: "Looking at \(path)")
      add(failure, isBlocking: failure.code == PEMFile.notPEM)
    }
  }

  private func keyDoesNotMatch(_ key: String, _ chain: String, _ leaf: Certificate) -> DeliveryFailure {
    DeliveryFailure(
      code: "KEY_DOES_NOT_MATCH",
      sentence: "The key in \(key) does not belong to the certificate in \(chain), “\(leaf.subject)”.",
      advice: "The component may not start with these files. Put right what is there, so that Abort can restore it.")
  }

  private mutating func compare(_ served: Certificate, _ endpoint: Endpoint) {
    guard let deployed, let held = deployed.chain.first, held.fingerprint != served.fingerprint else { return }
    add(
      DeliveryFailure(
        code: "SERVES_OTHER_THAN_FILE",
        sentence: "\(endpoint.address) serves the certificate “\(served.subject)” (\(served.fingerprint)), "
          + "but \(deployed.path) holds “\(held.subject)” (\(held.fingerprint)).",
        advice: "Check that the endpoint and the file belong to the same component, and that it was reloaded since the "
          + "file was changed."))
  }

  private mutating func addUnlessValid(_ certificate: Certificate, _ subject: String) {
    if certificate.notAfter < now {
      add(
        DeliveryFailure(
          code: "CERTIFICATE_EXPIRED",
          sentence: "\(subject), “\(certificate.subject)”, ended on \(certificate.notAfter.formatted(.iso8601)).",
          advice: "Its peers refuse it already. The update replaces it; Abort would put it back."))
    } else if certificate.notBefore > now {
      // It was issued by a clock that was ahead, or this machine's is behind.
      add(
        DeliveryFailure(
          code: "CERTIFICATE_NOT_YET_VALID",
          sentence: "\(subject), “\(certificate.subject)”, begins to be valid only on "
            + "\(certificate.notBefore.formatted(.iso8601)).",
          advice:
            "If this machine's clock is right, its peers refuse it until then. The update replaces it; Abort would "
            + "put it back."))
    }
  }

  private mutating func note(_ task: String, _ body: @Sendable () async throws -> Void) async {
    do {
      try await body()
    } catch {
      add(DeliveryFailure(error, doing: task))
    }
  }

  private mutating func add(_ failure: DeliveryFailure, isBlocking: Bool = false) {
    let problem = Problem(
      code: failure.code, sentence: failure.failure.sentence, advice: failure.failure.advice, isBlocking: isBlocking)
    // The same may be found by several looks; the graver one counts.
    if let known = findings.problems.firstIndex(where: { $0.sentence == problem.sentence && $0.code == problem.code }) {
      findings.problems[known].isBlocking = findings.problems[known].isBlocking || isBlocking
    } else {
      findings.problems.append(problem)
    }
  }
}

/// Finds the root that a served certificate comes from.
enum RootSearch {
  /// The one among the roots that signs the leaf, over some of the certificates served with it.
  static func root(of chain: [Certificate], among roots: [Certificate]) -> Certificate? {
    guard var current = chain.first else { return nil }
    for _ in 0..<10 {
      if let root = roots.first(where: { $0 == current || isIssuer($0, of: current) }) { return root }
      guard let next = chain.dropFirst().first(where: { $0 != current && isIssuer($0, of: current) }) else {
        return nil
      }
      current = next
    }
    return nil
  }

  private static func isIssuer(_ issuer: Certificate, of certificate: Certificate) -> Bool {
    issuer.subject == certificate.issuer && certificate.isSigned(by: issuer)
  }
}
