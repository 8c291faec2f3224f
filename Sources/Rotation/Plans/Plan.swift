import Foundation

/// What an update would do, step by step, and what stands in its way. Nothing has been changed when it is made.
public struct Plan: Sendable, Hashable, Codable {
  /// The number of a plan in the store.
  public typealias ID = Identifier<Plan>

  /// The root that signs, or that stays in force when another one is retired.
  public var root: PlannedRoot
  /// The root that a retirement takes out of the trust bundles; nil for every other update.
  public var retires: RetiredRoot?
  /// How long the child certificates are to be valid, in months.
  public var months: Int
  /// When the child certificates end.
  public var childNotAfter: Date
  /// What happens to the rest when an action fails.
  public var policy: FailurePolicy
  /// What becomes of the console's own certificate.
  public var https: HTTPSChoice
  /// The components, in the order of their stages and names.
  public var components: [PlannedComponent]
  /// What is wrong with the whole.
  public var problems: [Problem]
  /// The connections that would be refused, and when.
  public var refusals: [RefusedConnection]
  /// What failures would bring, as far as connections would be refused then; nil in plans of older versions.
  public var contingencies: [Contingency]?
  /// How many failures, each with its answers, would bring that; more than are listed, perhaps.
  public var contingencyCount: Int?
  /// How many moments of the update every pair of components was judged at.
  public var judgedMoments: Int?
  /// How long it will take at a guess, in seconds.
  public var estimatedSeconds: Int
  /// When it was made.
  public var madeAt: Date

  /// Collects a plan; ``PlanMaker`` computes one.
  public init(
    root: PlannedRoot, retires: RetiredRoot? = nil, months: Int, childNotAfter: Date, policy: FailurePolicy,
    https: HTTPSChoice,
    components: [PlannedComponent], problems: [Problem], refusals: [RefusedConnection], estimatedSeconds: Int,
    madeAt: Date
  ) {
    self.root = root
    self.retires = retires
    self.months = months
    self.childNotAfter = childNotAfter
    self.policy = policy
    self.https = https
    self.components = components
    self.problems = problems
    self.refusals = refusals
    self.estimatedSeconds = estimatedSeconds
    self.madeAt = madeAt
  }

  /// Every problem, of the whole and of each component.
  public var allProblems: [Problem] { problems + components.flatMap(\.problems) }
  /// Whether a root of the new one's name and another key is trusted already, which needs a choice of its own.
  public var hasNamesake: Bool { problems.contains { $0.code == Problem.namesake } }
  /// Whether a problem forbids the start altogether.
  public var isBlocked: Bool { allProblems.contains(where: \.isBlocking) }
}

/// Names a root certificate in the core, which knows no certificates: the SHA-256 fingerprint of its DER in hex.
public struct RootKey: Sendable, Hashable, Codable, CustomStringConvertible {
  /// 64 lower-case hexadecimal digits.
  public let fingerprint: String

  /// Wraps a fingerprint.
  public init(_ fingerprint: String) {
    self.fingerprint = fingerprint
  }

  /// The fingerprint.
  public var description: String { fingerprint }
}

/// The root certificate of a plan.
public struct PlannedRoot: Sendable, Hashable, Codable {
  /// Its number in the store.
  public var id: Int64
  /// What administrators call it.
  public var name: String
  /// Its subject (RFC 4514).
  public var subject: String
  /// Its fingerprint.
  public var key: RootKey
  /// When it begins to be valid.
  public var notBefore: Date
  /// When it ends.
  public var notAfter: Date
  /// What the token is called that signs with its key; nil where Reroot keeps the key.
  public var token: String?

  /// Describes a root.
  public init(
    id: Int64, name: String, subject: String, key: RootKey, notBefore: Date, notAfter: Date, token: String? = nil
  ) {
    self.id = id
    self.name = name
    self.subject = subject
    self.key = key
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.token = token
  }
}

/// A root that is taken out of the trust bundles. It need not have been imported.
public struct RetiredRoot: Sendable, Hashable, Codable {
  /// What administrators call it; the name in its subject where it was never imported.
  public var name: String
  /// Its subject (RFC 4514).
  public var subject: String
  /// Its fingerprint.
  public var key: RootKey

  /// Describes a root that goes.
  public init(name: String, subject: String, key: RootKey) {
    self.name = name
    self.subject = subject
    self.key = key
  }
}

/// The choices for the console's own HTTPS certificate.
public enum HTTPSChoice: Sendable, Hashable, Codable {
  /// The one in use stays.
  case existing
  /// A server certificate from the trust store, by its number.
  case trustStore(Int64)
  /// A child certificate of the new root, issued for the console.
  case issue
}

/// A component in a plan: what was found there, what will be done, what is in the way.
public struct PlannedComponent: Sendable, Hashable, Codable, Identifiable {
  /// The component as it was configured when the plan was made.
  public var component: Component
  /// What was found there.
  public var findings: Findings
  /// What will be done, in order.
  public var actions: [PlannedAction]
  /// What is in the way.
  public var problems: [Problem]
  /// What is worth knowing though nothing is wrong.
  public var notes: [String]

  /// The component's number.
  public var id: Component.ID { component.id }
  /// Whether its trust bundle gets other roots.
  public var changesTrust: Bool { actions.contains { $0.kind == .trust } }

  /// Collects what a plan says of one component.
  public init(
    component: Component, findings: Findings, actions: [PlannedAction], problems: [Problem], notes: [String]
  ) {
    self.component = component
    self.findings = findings
    self.actions = actions
    self.problems = problems
    self.notes = notes
  }
}

/// An action that will be carried out, in words.
public struct PlannedAction: Sendable, Hashable, Codable {
  /// The step.
  public var kind: ActionKind
  /// What will happen.
  public var sentence: String

  /// Describes a step.
  public init(kind: ActionKind, sentence: String) {
    self.kind = kind
    self.sentence = sentence
  }
}

/// Something found beforehand that would make a step fail, or a promise break.
public struct Problem: Sendable, Hashable, Codable {
  /// A stable word for programs.
  public var code: String
  /// What is wrong, with what.
  public var sentence: String
  /// What to do about it.
  public var advice: String
  /// Whether the update cannot start at all.
  public var isBlocking: Bool

  /// The code of a root of the new one's name and another key.
  static let namesake = "SAME_NAME_OTHER_KEY"

  /// Describes a problem.
  public init(code: String, sentence: String, advice: String, isBlocking: Bool = false) {
    self.code = code
    self.sentence = sentence
    self.advice = advice
    self.isBlocking = isBlocking
  }
}
