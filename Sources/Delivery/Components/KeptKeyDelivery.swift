import PKI
import Rotation

/// What is done for a component that keeps its key: the key itself is never read into Reroot's records.
extension ComponentDelivery {
  /// Has a new key made beside the component's key file, where it waits for its certificate, and returns the signing
  /// request for it. A key that waited there before is replaced: it was never used.
  public func makeKey(_ algorithm: KeyAlgorithm, names: [AlternativeName]) async throws -> SigningRequest {
    guard let path = component.files.key else { throw noKeyFile }
    let der = try await access.makeKey(KeyOrder(algorithm: algorithm, names: names, path: KeptKey.next(path)))
    do {
      return try SigningRequest(der: der)
    } catch {
      throw DeliveryFailure(error, doing: "Reading the signing request of “\(component.name)”")
    }
  }

  /// Whether the key of a certificate is at the target, waiting or in place.
  public func hasKey(of certificate: Certificate) async throws -> Bool {
    guard let path = component.files.key else { return false }
    // What a crash left half done must not be taken for the state of things.
    _ = try await access.recover([path])
    if try await holder(of: certificate, at: KeptKey.next(path)) != nil { return true }
    return try await holder(of: certificate, at: path) != nil
  }

  /// Puts the key that was made at the target into place, together with its certificate and, where it is given, the bundle,
  /// as one. The key that was there is kept beside it.
  ///
  /// - Parameter previous: the key file as the plan found it.
  public func deploy(chain: [Certificate], bundle: [Certificate]?, previousKey previous: FoundFile?) async throws {
    guard let path = component.files.key, let leaf = chain.first else { throw noKeyFile }
    _ = try await access.recover(component.files.paths.map(\.path))
    let waiting = try await holder(of: leaf, at: KeptKey.next(path))
    let inPlace = try await holder(of: leaf, at: path)
    guard
      let source = waiting.map({ FileSource(path: KeptKey.next(path), sha256: $0.sha256) })
        ?? inPlace.map({ FileSource(path: path, sha256: $0.sha256) })
    else {
      throw DeliveryFailure(
        code: "KEY_NOT_THERE",
        sentence: "The key that was made for “\(component.name)” is not at the target any more: neither "
          + "\(KeptKey.next(path)) nor \(path) belongs to its new certificate.",
        advice: "Nothing was changed. Retry: a new key is made then, and a certificate for it.")
    }
    var changes: [FileChange] = []
    if let bundle, let change = try await bundleChange(bundle) { changes.append(change) }
    if inPlace == nil, let kept = try await keeping(previous, path) { changes.append(kept) }
    changes.append(
      FileChange(
        path: path, source: source, owner: component.files.owner, group: component.files.group,
        mode: component.files.mode(of: .key)))
    if let path = component.files.certificateChain {
      changes.append(change(path, .certificateChain, PEMFile.content(chain)))
    }
    if waiting != nil { changes.append(FileChange(path: KeptKey.next(path), content: nil, mode: 0)) }
    try await access.replace(changes)
  }

  /// What keeps the former key; nil where there was none, or an earlier attempt has kept it already.
  private func keeping(_ previous: FoundFile?, _ path: String) async throws -> FileChange? {
    guard let state = previous?.state else { return nil }
    if try await access.state(path)?.sha256 == state.sha256 {
      return FileChange(
        path: KeptKey.previous(path), source: FileSource(path: path, sha256: state.sha256), mode: 0o600)
    }
    if try await access.state(KeptKey.previous(path))?.sha256 == state.sha256 { return nil }
    throw DeliveryFailure(
      code: "KEY_CHANGED",
      sentence: "The key in \(path) is not the one that was there when the plan was made, so that one could not be put "
        + "back by Abort.",
      advice: "Nothing was changed. Find out which program replaced it; then Abort, and make a new plan.")
  }

  /// What puts the former key back from beside the new one.
  func putBack(_ path: String, _ state: FoundFile.State) async throws -> FileChange {
    let previous = KeptKey.previous(path)
    guard try await access.state(previous)?.sha256 == state.sha256 else {
      throw DeliveryFailure(
        code: "NOTHING_KEPT",
        sentence: "The former key of “\(component.name)” is not in \(previous) any more, so it cannot be put back.",
        advice: "Put the key and its certificate back from a backup of the machine, then override.")
    }
    return FileChange(
      path: path, source: FileSource(path: previous, sha256: state.sha256), owner: String(state.owner),
      group: String(state.group), mode: state.mode)
  }

  /// What a key file shows that holds the certificate's key; nil for another key, something else, or no file.
  func holder(of certificate: Certificate, at path: String) async throws -> KeyView? {
    do {
      let view = try await access.lookAtKey(path)
      return view?.publicKey == certificate.publicKeyFingerprint ? view : nil
    } catch let failure as DeliveryFailure where ["KEY_UNREADABLE", PEMFile.notPEM].contains(failure.code) {
      return nil
    }
  }

  private var noKeyFile: DeliveryFailure {
    DeliveryFailure(
      code: "NO_KEY_FILE", sentence: "The component “\(component.name)” has no key file of its own.",
      advice: "Give it one in the component's settings, or let Reroot make the key.")
  }
}
