import Foundation
import PKI
import Rotation

/// What is done to one component at its target and seen of it on the wire.
///
/// Every function throws ``DeliveryFailure`` only, with a sentence for the administrator.
public struct ComponentDelivery: Sendable {
  /// The component, as it was configured when the plan was made.
  public let component: Component
  /// How its target is reached.
  public let access: TargetAccess
  let now: @Sendable () -> Date
  let probe: Probe

  /// Prepares the work on one component.
  ///
  /// - Parameters:
  ///   - now: the time by which certificates are judged and sightings dated.
  public init(
    component: Component, access: TargetAccess, now: @escaping @Sendable () -> Date = { Date() }
  ) {
    self.init(component: component, access: access, now: now, probe: .handshake)
  }

  init(component: Component, access: TargetAccess, now: @escaping @Sendable () -> Date, probe: Probe) {
    self.component = component
    self.access = access
    self.now = now
    self.probe = probe
  }

  /// Replaces the trust bundle, and nothing else. Does nothing for a component without one.
  public func deployTrust(bundle: [Certificate]) async throws {
    guard let change = try bundleChange(bundle) else { return }
    try await access.replace([change])
  }

  /// The certificates in the trust bundle as it is now; none where there is no bundle, or no file yet.
  public func bundleNow() async throws -> [Certificate] {
    guard let path = component.files.trustBundle, let file = try await access.read(path) else { return [] }
    return try PEMFile.bundle(file.content, path: path)
  }

  /// The component's own certificate in its files as they are now; nil where there is none that can be read.
  public func deployedLeaf() async throws -> Certificate? {
    guard let path = component.files.certificateChain ?? component.files.combined,
      let file = try await access.read(path)
    else { return nil }
    return try? PEMFile.chain(file.content, path: path).first
  }

  /// Replaces the chain, the key and, where it is given, the bundle as one.
  ///
  /// - Parameters:
  ///   - chain: the child certificate first, then what stands between it and its root.
  ///   - key: the private key in PKCS#8 PEM; it has to belong to the child certificate.
  public func deploy(chain: [Certificate], key: SecretBytes, bundle: [Certificate]?) async throws {
    guard let leaf = chain.first, try PEMFile.key(key, path: "the new key").matches(leaf) else {
      throw DeliveryFailure(
        code: "KEY_DOES_NOT_MATCH",
        sentence: "The new key of “\(component.name)” does not belong to its new certificate.",
        advice: "Nothing was changed. Start a new update, so that both are made again.")
    }
    // The bundle first, which accepts the old ones too; the certificate last, because that is the file that programs watch.
    var changes: [FileChange] = []
    if let bundle, let change = try bundleChange(bundle) { changes.append(change) }
    let files = component.files
    if let path = files.key { changes.append(change(path, .key, key)) }
    if let path = files.certificateChain { changes.append(change(path, .certificateChain, PEMFile.content(chain))) }
    if let path = files.combined {
      changes.append(change(path, .combined, PEMFile.content(chain, key: key)))
    }
    try await access.replace(changes)
  }

  private func bundleChange(_ bundle: [Certificate]) throws -> FileChange? {
    guard let path = component.files.trustBundle else { return nil }
    guard !bundle.isEmpty else {
      throw DeliveryFailure(
        code: "BUNDLE_EMPTY", sentence: "The new trust bundle of “\(component.name)” would hold no certificate at all.",
        advice: "Nothing was changed. Without a root certificate it would refuse every peer; start a new update.")
    }
    return change(path, .trustBundle, PEMFile.content(bundle))
  }

  private func change(_ path: String, _ role: FileLayout.Role, _ content: SecretBytes) -> FileChange {
    FileChange(
      path: path, content: content, owner: component.files.owner, group: component.files.group,
      mode: component.files.mode(of: role))
  }
}
