import Rotation

/// The ways to every target that components are at.
public final class Targets: Sendable {
  /// No connection is made before it is needed.
  public init() {}

  /// The way to the files of a component.
  public func access(to component: Component) -> TargetAccess {
    switch component.target {
    case .local: .local()
    case .ssh(let target): .notYet(target)
    }
  }
}

extension TargetAccess {
  /// Refuses everything: nothing may happen on this machine that is meant for another.
  fileprivate static func notYet(_ target: SSHTarget) -> TargetAccess {
    let failure = DeliveryFailure(
      code: "SSH_NOT_AVAILABLE", sentence: "Files on \(target.words) cannot be reached by this version of Reroot.",
      advice: "Use a version that can, or manage the component on its own machine.")
    return TargetAccess(
      read: { _ in throw failure }, replace: { _ in throw failure }, checkWritable: { _ in throw failure },
      run: { _, _ in throw failure }, checkProgram: { _ in throw failure }, signal: { _, _ in throw failure },
      checkSignal: { _, _ in throw failure }, checkOwner: { _, _ in throw failure }, recover: { _ in throw failure })
  }
}
