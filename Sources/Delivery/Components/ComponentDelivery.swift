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
    guard let change = try await bundleChange(bundle) else { return }
    try await access.replace([change])
  }

  /// The roots in the trust bundle or trust store as it is now; none where there is neither, or no file yet.
  public func bundleNow() async throws -> [Certificate] {
    guard let (role, path) = component.files.paths.first(where: \.role.isTrust),
      let file = try await access.read(path)
    else { return [] }
    return try await contents().bundle(file.content, role, path: path)
  }

  /// The component's own certificate in its files as they are now; nil where there is none that can be read.
  public func deployedLeaf() async throws -> Certificate? {
    guard let (role, path) = component.files.chainFile, let file = try await access.read(path) else { return nil }
    let contents = try await contents()
    return try? await contents.chain(file.content, role, path: path).first
  }

  /// The component's own certificate, and what follows it in its file, as they are now; nil where there is no file.
  func deployedChain() async throws -> [Certificate]? {
    guard let (role, path) = component.files.chainFile, let file = try await access.read(path) else { return nil }
    return try await contents().chain(file.content, role, path: path)
  }

  /// Replaces the chain, the key and, where it is given, the bundle as one, in the format of each file.
  ///
  /// - Parameters:
  ///   - chain: the child certificate first, then what stands between it and its root.
  ///   - key: the private key in PKCS#8 PEM; it has to belong to the child certificate.
  /// - Returns: what was put into the files, for ``verify(expected:root:previous:deployed:former:whenSeen:)``.
  @discardableResult
  public func deploy(chain: [Certificate], key: SecretBytes, bundle: [Certificate]?) async throws -> DeployedChild {
    let opened = try PEMFile.key(key, path: "the new key")
    guard let leaf = chain.first, opened.matches(leaf) else {
      throw DeliveryFailure(
        code: "KEY_DOES_NOT_MATCH",
        sentence: "The new key of “\(component.name)” does not belong to its new certificate.",
        advice: "Nothing was changed. Start a new update, so that both are made again.")
    }
    // The bundle first, which accepts the old ones too; the certificate last, because that is the file that programs watch.
    var changes: [FileChange] = []
    if let bundle, let change = try await bundleChange(bundle) { changes.append(change) }
    let files = component.files
    if let path = files.key { changes.append(change(path, .key, key)) }
    if let path = files.certificateChain { changes.append(change(path, .certificateChain, PEMFile.content(chain))) }
    if let path = files.combined {
      changes.append(change(path, .combined, PEMFile.content(chain, key: key)))
    }
    if let path = files.keyStore {
      changes.append(change(path, .keyStore, try await keyStore(path, chain: chain, key: opened)))
    }
    try await access.replace(changes)
    return DeployedChild(leaf, in: changes)
  }

  func bundleChange(_ bundle: [Certificate]) async throws -> FileChange? {
    guard let (role, path) = component.files.paths.first(where: \.role.isTrust) else { return nil }
    guard !bundle.isEmpty else {
      throw DeliveryFailure(
        code: "BUNDLE_EMPTY", sentence: "The new trust bundle of “\(component.name)” would hold no certificate at all.",
        advice: "Nothing was changed. Without a root certificate it would refuse every peer; start a new update.")
    }
    guard role == .trustStore else { return change(path, role, PEMFile.content(bundle)) }
    let (found, password) = try await foundStore(path)
    let content = try await WorkThreads.files.run {
      try StoreFile.trustStore(bundle, replacing: found, path: path, password: password)
    }
    return change(path, role, content)
  }

  private func keyStore(_ path: String, chain: [Certificate], key: PrivateKey) async throws -> SecretBytes {
    let (found, password) = try await foundStore(path)
    let name = component.name
    return try await WorkThreads.files.run {
      try StoreFile.keyStore(
        chain: chain, key: key, replacing: found, path: path, password: password, alias: name)
    }
  }

  /// A store as it is now, whose aliases are kept, and the password for it and its successor.
  private func foundStore(_ path: String) async throws -> (content: SecretBytes?, password: SecretBytes) {
    let password = try await StorePassword.read(component.files.storePasswordFile ?? "", over: access)
    // What a crash left half done must not be taken for the store that was there.
    _ = try await access.recover([path])
    return (try await access.read(path)?.content, password)
  }

  func change(_ path: String, _ role: FileLayout.Role, _ content: SecretBytes) -> FileChange {
    FileChange(
      path: path, content: content, owner: component.files.owner, group: component.files.group,
      mode: component.files.mode(of: role))
  }
}

extension FileLayout {
  /// The file with the certificate chain, and what else it holds.
  var chainFile: (role: Role, path: String)? {
    paths.first { [.certificateChain, .combined, .keyStore].contains($0.role) }
  }
  /// The file with the key, and what else it holds.
  var keyFile: (role: Role, path: String)? { paths.first(where: \.role.isSecret) }
}
