import Delivery
import Foundation
import PKI
import Rotation
import Store

/// What is to be issued.
struct IssueOrder: Sendable {
  var update: UpdateRecord.ID?
  /// nil for the console's own certificate.
  var component: Component.ID?
  var names: [AlternativeName]
  var usage: CertificateUsage
  var key: PKI.KeyAlgorithm
  var notAfter: Date
}

/// Issues child certificates under one root: the intent is on disk before the signature is made.
///
/// The root's key is opened when the first signature is wanted: a rollback needs none, and works when it is gone.
actor RootSigner {
  /// The root certificate.
  nonisolated let root: Certificate
  private let id: RootRecord.ID
  private let store: Store
  private let threads: WorkThreads
  private let module: ModuleReference?
  private let modules: HardwareModules
  private let clock: @Sendable () -> Date
  /// The opening of the root's key, which those wait for together who want a signature meanwhile.
  private var opening: Task<Opened, any Error>?
  private var proofs: [KeyKind: Task<Identity, any Error>] = [:]

  /// The root's key, and the PIN of the hardware module that it is in; nil for a key of Reroot's own.
  private struct Opened: Sendable {
    let issuer: Issuer
    let pin: SecretBytes?
  }

  /// How far before the moment of issuing a certificate begins to be valid, in seconds, for clocks that are behind.
  private static let backdating: TimeInterval = 3600

  init(
    _ record: RootRecord, store: Store, threads: WorkThreads, modules: HardwareModules,
    clock: @escaping @Sendable () -> Date
  ) {
    root = record.certificate
    id = record.id
    module = record.module
    self.modules = modules
    self.store = store
    self.threads = threads
    self.clock = clock
  }

  /// Throws unless the root's key is there, opens, and belongs to its certificate.
  func check() async throws { _ = try await opened() }

  /// The certificate of an order, as it was issued before in the same update, or anew. A signature that a crash kept from
  /// being written down counts for nothing: nobody has the certificate, and its serial number is not used again.
  func issueOnce(_ order: IssueOrder) async throws -> (certificate: Certificate, isNew: Bool) {
    if let update = order.update, let issued = try await store.newestIssued(update, component: order.component) {
      return (issued.certificate, false)
    }
    return (try await issue(order), true)
  }

  /// A client certificate for showing that components accept the root; the same for a while. It is valid for a day.
  ///
  /// - Parameters:
  ///   - names: names that the root may sign for.
  ///   - algorithm: the kind of its key.
  func proofIdentity(names: [AlternativeName], algorithm: KeyKind) async throws -> Identity {
    if let proof = proofs[algorithm], let made = try? await proof.value, let leaf = made.leaf,
      leaf.notBefore <= clock(), leaf.notAfter.timeIntervalSince(clock()) > Self.proofReserve
    {
      return made
    }
    // Those who ask while it is made wait for the same one.
    let making = Task { try await makeProof(names, algorithm.algorithm) }
    proofs[algorithm] = making
    return try await value(of: making)
  }

  /// Waits for work that others may be waiting for, too. Whoever is cancelled cancels it: a hardware module is to sign
  /// nothing after an Abort, which ends all of them. One who is not wants it begun anew.
  private func value<Value: Sendable>(of work: Task<Value, any Error>) async throws -> Value {
    try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      work.cancel()
    }
  }

  /// Its key is kept nowhere: it is of use for this look only.
  private func makeProof(_ names: [AlternativeName], _ algorithm: PKI.KeyAlgorithm) async throws -> Identity {
    let key = try await threads.run { try PrivateKey.generate(algorithm) }
    let order = IssueOrder(
      update: nil, component: nil, names: names, usage: .client, key: algorithm,
      notAfter: min(root.notAfter, clock().addingTimeInterval(Self.proofValidity)))
    let certificate = try await issue(order, key: nil) { serial, from in
      ChildRequest(
        names: names, usage: .client, publicKeyOf: key, serialNumber: serial, notBefore: from, notAfter: order.notAfter)
    }
    return Identity(chain: [certificate], key: key)
  }

  /// For how long such a certificate is valid, and when the next one is made, in seconds.
  private static let proofValidity: TimeInterval = 86_400
  private static let proofReserve: TimeInterval = 3_600

  /// Makes a key and a certificate for it, and keeps both.
  private func issue(_ order: IssueOrder) async throws -> Certificate {
    _ = try await opened()
    let early = try await earlyKey(order)
    let key = try await threads.run {
      if let early { try PrivateKey(pem: early.key) } else { try PrivateKey.generate(order.key) }
    }
    return try await issue(order, key: key.pkcs8PEM(), early: early?.id) { serial, from in
      ChildRequest(
        names: order.names, usage: order.usage, publicKeyOf: key, serialNumber: serial, notBefore: from,
        notAfter: order.notAfter)
    }
  }

  /// The key that was made for an order while its plan was read; nil where there is none.
  private func earlyKey(_ order: IssueOrder) async throws -> EarlyKey? {
    guard let update = order.update, let component = order.component, let kind = KeyKind(rawValue: order.key.rawValue),
      kind.takesLong
    else { return nil }
    return try await store.earlyKey(kind, of: component, in: update)
  }

  /// Makes a certificate for a key that its component keeps. What was sent is checked before anything is signed.
  func issue(_ order: IssueOrder, for signing: SigningRequest) async throws -> Certificate {
    try await issue(order, key: nil) { serial, from in
      ChildRequest(
        names: order.names, usage: order.usage, signing: signing, algorithm: order.key, serialNumber: serial,
        notBefore: from, notAfter: order.notAfter)
    }
  }

  private func issue(
    _ order: IssueOrder, key: SecretBytes?, early: EarlyKey.ID? = nil,
    _ make: @Sendable (SerialNumber, Date) -> ChildRequest
  ) async throws -> Certificate {
    let opened = try await opened()
    let (now, root) = (clock(), root)
    let serial = SerialNumber.random()
    let intent = try await store.beginIssuance(
      update: order.update, component: order.component, root: id, serial: serial, key: key,
      early: early, names: order.names.map(\.description))
    let request = make(serial, max(root.notBefore, now.addingTimeInterval(-Self.backdating)))
    let certificate = try await signing(opened.pin) {
      try opened.issuer.sign(CheckedRequest(request, root: root, now: now))
    }
    try await store.finishIssuance(intent, certificate: certificate)
    return certificate
  }

  private func opened() async throws -> Opened {
    while true {
      let task = opening ?? Task { try await open() }
      opening = task
      do {
        return try await value(of: task)
      } catch {
        // What failed is tried anew by whoever asks next, and what another one has cancelled by those who still want it.
        if opening == task { opening = nil }
        guard error is CancellationError, !Task.isCancelled else { throw error }
      }
    }
  }

  private func open() async throws -> Opened {
    let (root, modules) = (root, modules)
    if let module {
      let pin = try await store.pin(of: id)
      let issuer = try await signing(pin) { try Issuer(root: root, key: modules.key(module, of: root, pin: pin)) }
      return Opened(issuer: issuer, pin: pin)
    }
    let pem = try await store.rootKey(id)
    return Opened(issuer: try await signing(nil) { try Issuer(root: root, key: PrivateKey(pem: pem)) }, pin: nil)
  }

  /// Runs what signs, where it may block: a hardware module has a thread of its own.
  ///
  /// - Parameter pin: the module's, which is forgotten when the module refuses it; nil without a module.
  private func signing<Value: Sendable>(
    _ pin: SecretBytes?, _ work: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    guard let pin else { return try await threads.run(work) }
    do {
      return try await modules.run(work)
    } catch let error as PKIError where error.code == "TOKEN_PIN_WRONG" {
      opening = nil
      try await store.forgetPIN(pin, of: id)
      throw error
    }
  }
}

extension SubjectName {
  /// The name as a certificate carries it: an address in its usual form.
  var alternativeName: AlternativeName {
    if let name = try? AlternativeName(parsing: text) { return name }
    return switch self {
    case .dns(let name): .dns(name)
    case .ip(let address): .ip(address)
    }
  }
}

extension Component.Usage {
  var certificateUsage: CertificateUsage {
    switch self {
    case .server: .server
    case .client: .client
    case .both: .both
    }
  }
}
