import Delivery
import Foundation
import Logging
import Rotation
import Store

/// What every part of an update works with.
struct UpdateSurroundings: Sendable {
  let store: Store
  let threads: WorkThreads
  let modules: HardwareModules
  let access: @Sendable (Component) -> TargetAccess
  /// Whose connections are closed at the end of a plan and of an update.
  let targets: Targets
  let https: HTTPSKeeper
  let clock: @Sendable () -> Date
  let clockDesk: ClockDesk
  /// How long an action may take beyond what its component's settings allow.
  let actionReserve: Duration
  let logger: Logger
  /// How long actions take.
  let meter = ActionMeter()
  /// What cannot be written down at the moment.
  let unwritten = UnwrittenUpdates()
}
