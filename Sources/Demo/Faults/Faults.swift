import Foundation
import Synchronization

/// A way for a component's update to fail, chosen on the demo's page. Each happens once and is then used up.
public enum Fault: String, Sendable, Hashable, CaseIterable, Codable {
  /// The files cannot be replaced, as on a full disk.
  case deploy
  /// The activation command ends with an error.
  case activation
  /// The activation command succeeds, but the process does not read its files again.
  case verification
}

/// The faults that wait for their moment.
public final class Faults: Sendable {
  private struct Inside: Sendable {
    var armed: [String: Set<Fault>] = [:]
    /// The components whose certificate was replaced and that have not been activated since.
    var replaced: Set<String> = []
  }

  private let inside = Mutex(Inside())
  private let changes: Changes

  init(changes: Changes = Changes()) {
    self.changes = changes
  }

  /// The faults that wait, by the component's name.
  public var armed: [String: Set<Fault>] { inside.withLock { $0.armed.filter { !$0.value.isEmpty } } }

  /// Makes the component's next step of this kind fail.
  public func arm(_ fault: Fault, at component: String) {
    inside.withLock { _ = $0.armed[component, default: []].insert(fault) }
    changes.tell()
  }

  /// Lets the step succeed after all.
  public func cancel(_ fault: Fault, at component: String) {
    inside.withLock { _ = $0.armed[component]?.remove(fault) }
    changes.tell()
  }

  /// Uses a fault up: true when it was armed, and then only once.
  func take(_ fault: Fault, at component: String) -> Bool {
    let isArmed = inside.withLock { $0.armed[component]?.remove(fault) != nil }
    if isArmed { changes.tell() }
    return isArmed
  }

  /// Notes that the certificate was replaced, so that the next activation is the one that a fault is meant for.
  ///
  /// Trusting a further root replaces and activates too, but that is neither the deploy nor the activation that was chosen.
  func noteReplacement(at component: String) {
    inside.withLock { _ = $0.replaced.insert(component) }
  }

  /// The faults that the activation now beginning must show; they are used up.
  func takeForActivation(at component: String) -> Set<Fault> {
    let taken = inside.withLock { inside -> Set<Fault> in
      guard inside.replaced.remove(component) != nil else { return [] }
      // One at a time: an activation that fails leaves the verification's fault for its retry.
      for fault in [Fault.activation, .verification] where inside.armed[component]?.remove(fault) != nil {
        // A failed activation is tried again without another replacement.
        if fault == .activation { inside.replaced.insert(component) }
        return [fault]
      }
      return []
    }
    if !taken.isEmpty { changes.tell() }
    return taken
  }
}
