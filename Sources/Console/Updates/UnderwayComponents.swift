import Delivery
import Rotation
import Synchronization

/// What an update knows of the components that it is working on: one that was deployed and activated is verified soon after, and
/// its certificate need not be looked up and its files not be taken apart again. What is not here is in the database, or was not
/// seen.
final class UnderwayComponents: Sendable {
  /// What is known of one.
  struct Known {
    /// What it got last.
    var deployed: DeployedChild?
    /// Who took its connections before it was activated.
    var former: FormerWorkers?
  }

  private let known = Mutex<[Component.ID: Known]>([:])

  /// More than there are components being worked on at once; after failures some remain that nobody takes.
  private static let most = 256

  /// Keeps what a component got.
  func keep(_ child: DeployedChild, of component: Component.ID) {
    change(component) { $0 = Known(deployed: child) }
  }

  /// Keeps who took its connections.
  func keep(_ former: FormerWorkers?, of component: Component.ID) {
    change(component) { $0.former = former }
  }

  private func change(_ component: Component.ID, _ body: (inout Known) -> Void) {
    known.withLock { known in
      if known.count >= Self.most { known = [:] }
      body(&known[component, default: Known()])
    }
  }

  /// What is known of a component; nil for nothing. It is known once.
  func take(_ component: Component.ID) -> Known? {
    known.withLock { $0.removeValue(forKey: component) }
  }
}
