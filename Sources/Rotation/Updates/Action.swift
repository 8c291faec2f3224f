/// The steps of an update, forward and backward.
public enum ActionKind: String, Sendable, Hashable, Codable, CaseIterable {
  /// A key and a child certificate are made.
  case generate
  /// The bundle of old and new roots, or the one without the root that is retired, is put in place and activated.
  case trust
  /// The certificate, the key and the bundle are replaced as one.
  case deploy
  /// The component is made to use them.
  case activate
  /// The component is seen on the wire with exactly the new certificate.
  case verify
  /// The console's own certificate is exchanged.
  case https
  /// The console's previous certificate is put back.
  case restoreHTTPS
  /// The previous certificate and key are put back, activated and verified.
  case restore
  /// The previous trust bundle is put back and activated.
  case restoreTrust

  /// Whether this is a step of rolling back.
  public var isRestoring: Bool {
    switch self {
    case .restore, .restoreTrust, .restoreHTTPS: true
    case .generate, .trust, .deploy, .activate, .verify, .https: false
    }
  }
}

/// Which action: its kind, and its component unless it is the console's own. Unique within an update.
public struct ActionID: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The step.
  public var kind: ActionKind
  /// The component; nil for the console's own HTTPS certificate.
  public var component: Component.ID?

  /// Names an action.
  public init(_ kind: ActionKind, _ component: Component.ID? = nil) {
    self.kind = kind
    self.component = component
  }

  /// `deploy:7`, or `https` for the console's own; read back by ``init(_:)``.
  public var description: String { component.map { "\(kind.rawValue):\($0)" } ?? kind.rawValue }

  /// Reads what ``description`` writes; nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let first = parts.first, let kind = ActionKind(rawValue: String(first)), parts.count <= 2 else { return nil }
    if parts.count == 1 {
      self.init(kind)
    } else {
      guard let number = Int64(parts[1]), number > 0 else { return nil }
      self.init(kind, Component.ID(rawValue: number))
    }
  }
}

/// Where an action stands.
public struct ActionState: Sendable, Hashable, Codable {
  /// Where it stands.
  public var status: Status = .waiting
  /// How often it has been begun.
  public var attempts: Int = 0
  /// Why the last attempt failed; nil unless the status is failed.
  public var failure: Failure?
  /// Whether an administrator, or the policy, chose to go on in spite of the failure.
  public var isIgnored: Bool = false
  /// Why it is skipped; nil unless the status is skipped.
  public var skipped: SkipReason?

  /// An action that has not begun.
  public init() {}

  /// The states of an action.
  public enum Status: String, Sendable, Hashable, Codable, CaseIterable {
    case waiting, running, succeeded, failed, skipped
  }

  /// Why an action is not carried out.
  public enum SkipReason: String, Sendable, Hashable, Codable {
    /// The component was set aside by Override.
    case setAside
    /// There is no certificate to deploy, because generating it failed.
    case noCertificate
    /// The update was aborted before it came to this.
    case aborted
    /// A component may still use the new root, so it stays trusted.
    case stillNeeded
    /// The component was retried after it had been put back, so nothing is to put back any more.
    case notNeeded
  }

  /// Whether the failure waits for a decision.
  public var isOpenFailure: Bool { status == .failed && !isIgnored }
}

/// Why an action failed, in words for a person. Holds no secret.
public struct Failure: Sendable, Hashable, Codable {
  /// A stable word for programs, such as `SERVES_OTHER_CERTIFICATE`.
  public var code: String
  /// What happened, to what.
  public var sentence: String
  /// What to do about it.
  public var advice: String
  /// The output of the activation command, at most 16 KiB; empty when none was run.
  public var output: String
  /// When the process was ended in the middle of the action.
  public var isInterruption: Bool

  /// Describes a failure.
  public init(code: String, sentence: String, advice: String, output: String = "", isInterruption: Bool = false) {
    self.code = code
    self.sentence = sentence
    self.advice = advice
    self.output = output
    self.isInterruption = isInterruption
  }
}
