import Foundation

/// What a plan is computed from.
public struct PlanRequest: Sendable {
  /// The root that is to sign.
  public var root: PlannedRoot
  /// What a look at the root's certificate and key showed, such as a key that does not match.
  public var rootProblems: [Problem]
  /// How long the child certificates are to be valid, in months.
  public var months: Int
  /// What happens to the rest when an action fails.
  public var policy: FailurePolicy
  /// What becomes of the console's own certificate.
  public var https: HTTPSChoice
  /// What is wrong with that choice.
  public var httpsProblems: [Problem]
  /// Every component with what was found there.
  public var components: [(component: Component, findings: Findings)]
  /// How many actions may be in flight at once.
  public var parallel: Int
  /// The moment of planning.
  public var now: Date

  /// Collects what a plan is computed from.
  public init(
    root: PlannedRoot, rootProblems: [Problem] = [], months: Int, policy: FailurePolicy, https: HTTPSChoice,
    httpsProblems: [Problem] = [], components: [(component: Component, findings: Findings)], parallel: Int = 8,
    now: Date
  ) {
    self.root = root
    self.rootProblems = rootProblems
    self.months = months
    self.policy = policy
    self.https = https
    self.httpsProblems = httpsProblems
    self.components = components
    self.parallel = parallel
    self.now = now
  }
}

/// Computes what an update would do and what stands in its way.
public enum PlanMaker {
  /// Makes a plan. Changes nothing, and needs nothing but its request.
  public static func make(_ request: PlanRequest) -> Plan {
    let keepsTrust = keepsTrust(request)
    let components = request.components
      .sorted { ($0.component.stage, $0.component.name) < ($1.component.stage, $1.component.name) }
      .map { planned($0.component, $0.findings, request, keepsTrust: keepsTrust) }
    var plan = Plan(
      root: request.root, months: request.months, childNotAfter: Validity.end(of: request.months, from: request.now),
      policy: request.policy, https: request.https, components: components, problems: problems(request),
      refusals: [], estimatedSeconds: 0, madeAt: request.now)
    let forecast = Forecast(plan.course(parallel: request.parallel))
    plan.refusals = forecast.refusals
    plan.contingencies = forecast.contingencies
    plan.contingencyCount = forecast.contingencyCount
    plan.judgedMoments = forecast.moments
    plan.estimatedSeconds = estimate(components, parallel: request.parallel)
    return plan
  }

  /// Whether no trust bundle needs another root: all present a certificate of this one already, so nothing new is
  /// presented to anybody, and every bundle holds it.
  private static func keepsTrust(_ request: PlanRequest) -> Bool {
    request.components.allSatisfy { component, findings in
      findings.presents == request.root.key
        && (component.files.trustFile == nil || findings.accepts?.contains(request.root.key) == true)
    }
  }

  private static func problems(_ request: PlanRequest) -> [Problem] {
    var problems = request.rootProblems + request.httpsProblems
    if request.now < request.root.notBefore {
      problems.append(
        Problem(
          code: "ROOT_NOT_YET_VALID", sentence: "The root certificate “\(request.root.name)” is not valid yet.",
          advice: "Check this machine's clock, or wait until the root certificate is valid.", isBlocking: true))
    }
    if request.now >= request.root.notAfter {
      problems.append(
        Problem(
          code: "ROOT_EXPIRED", sentence: "The root certificate “\(request.root.name)” has expired.",
          advice: "Import a root certificate that is valid.", isBlocking: true))
    } else if let problem = Validity.problem(
      months: request.months, from: request.now, rootNotAfter: request.root.notAfter)
    {
      problems.append(problem)
    }
    if let problem = namesakeProblem(request) { problems.append(problem) }
    if request.components.isEmpty {
      problems.append(
        Problem(
          code: "NO_COMPONENTS", sentence: "There is no component that could get a certificate.",
          advice: "Add the components of the system first.", isBlocking: true))
    }
    return problems
  }

  /// A root of the same name and another key: a program that looks an issuer up by its name may take the wrong one of
  /// the two and refuse a certificate that is good.
  private static func namesakeProblem(_ request: PlanRequest) -> Problem? {
    let holders = request.components.filter { $0.findings.namesakes?.isEmpty == false }.map(\.component.name)
    guard !holders.isEmpty else { return nil }
    let names = holders.prefix(5).map { "“\($0)”" }.joined(separator: ", ")
    return Problem(
      code: Problem.namesake,
      sentence: "A root named “\(request.root.subject)”, with another key, is trusted or in use already at \(names)"
        + (holders.count > 5 ? " and \(holders.count - 5) more" : "")
        + ". Some programs find the issuer of a certificate by its name alone: with two roots of one name they may try "
        + "the wrong key, and refuse certificates that are good, although their bundle holds both roots.",
      advice:
        "Safer is a root certificate with a name of its own. Where it has to be this one, say so at the start; "
        + "Reroot then believes handshakes only, and no names, where acceptance can be shown at all.")
  }

  private static func planned(
    _ component: Component, _ findings: Findings, _ request: PlanRequest, keepsTrust: Bool
  ) -> PlannedComponent {
    PlannedComponent(
      component: component, findings: findings, actions: actions(component, request, keepsTrust: keepsTrust),
      problems: findings.problems + nameProblems(component),
      notes: notes(component, findings, request, keepsTrust: keepsTrust))
  }

  /// An endpoint that is asked for a name which its certificate will not carry could never be verified.
  private static func nameProblems(_ component: Component) -> [Problem] {
    component.endpoints.flatMap { endpoint in
      endpoint.expectedNames.filter { name in !component.names.contains { $0.covers(name) } }.map { name in
        Problem(
          code: "NAME_NOT_COVERED",
          sentence:
            "The endpoint \(endpoint.address) is asked for “\(name)”, which is not among the names "
            + "of “\(component.name)”, so its verification would fail.",
          advice: "Add the name to the component, or correct the endpoint's server name.")
      }
    }
  }

  private static func actions(
    _ component: Component, _ request: PlanRequest, keepsTrust: Bool
  ) -> [PlannedAction] {
    let names = component.names.map(\.text).joined(separator: ", ")
    let files = component.files.identityPaths.map(\.path).joined(separator: " and ")
    let place = component.target.ssh.map { " on \($0.words)" } ?? ""
    var actions = [
      PlannedAction(
        kind: .generate,
        sentence: component.keepsKey
          ? "Have an \(component.key.rawValue) key made beside \(component.files.key ?? "the key file"), and sign a "
            + "\(component.usage.words) certificate for \(names), valid for \(counted(request.months, "month")), once its "
            + "signing request is checked"
          : "Make an \(component.key.rawValue) key and a \(component.usage.words) certificate for \(names), "
            + "valid for \(counted(request.months, "month"))")
    ]
    if let bundle = component.files.trustFile, !keepsTrust {
      actions.append(
        PlannedAction(
          kind: .trust,
          sentence: "Put the old and the new roots into \(bundle)\(place); then \(component.activation.sentence)"))
    }
    actions.append(PlannedAction(kind: .deploy, sentence: "Replace \(files)\(place), as one"))
    actions.append(PlannedAction(kind: .activate, sentence: component.activation.sentence.capitalizedFirst))
    actions.append(PlannedAction(kind: .verify, sentence: verification(component)))
    return actions
  }

  private static func verification(_ component: Component) -> String {
    guard !component.endpoints.isEmpty else { return "Compare the files; no endpoint is configured" }
    let addresses = component.endpoints.map { endpoint in
      guard let addresses = endpoint.addresses, !endpoint.host.isEmpty else { return endpoint.address }
      return "\(endpoint.address) at \(addresses.joined(separator: ", "))"
    }.joined(separator: " and ")
    return "Connect to \(addresses) until exactly the new certificate is served, for up to "
      + counted(component.verificationTimeLimit, "second")
  }

  private static func notes(
    _ component: Component, _ findings: Findings, _ request: PlanRequest, keepsTrust: Bool
  ) -> [String] {
    var notes: [String] = []
    if component.files.trustFile == nil {
      notes.append(
        component.usage.isClient
          ? "No trust bundle is configured: Reroot cannot make it accept the new root, and cannot know whether it "
            + "verifies the servers that it connects to. If it does, add the bundle, or see to it by other means."
          : "No trust bundle is configured: it is taken not to verify its clients.")
    }
    if component.keepsKey, let path = component.files.key {
      notes.append(
        "Its key stays at the component: Reroot keeps no copy of it, nor of the former one, which waits in "
          + "\(KeptKey.previous(path)) until the next update, so that Abort can put it back from there.")
    }
    if component.endpoints.isEmpty {
      notes.append("No endpoint is configured: its new certificate cannot be seen on the wire, only on disk.")
    }
    if case .none = component.activation.method {
      notes.append("No activation is configured: it must notice replaced files by itself.")
    }
    if let evidence = findings.trustEvidence { notes.append(evidence.sentence) }
    if let group = component.rollingGroup {
      notes.append(
        "It is of the rolling group “\(group)”: one component of it at a time is worked on, and verified before the "
          + "next one begins.\(request.policy == .continue ? " After a failure the next one is worked on all the same." : "")"
      )
    }
    if findings.presents == request.root.key {
      notes.append("Its present certificate is from this root already: it is renewed.")
    }
    if keepsTrust, let bundle = component.files.trustFile {
      notes.append("\(bundle) holds the root already, and nobody presents another one: it stays as it is.")
    }
    return notes
  }

  /// A guess: half a second for each activation and for each look on the wire, which has to settle, and the time of an
  /// RSA key; but no less than the stages take that come after each other, once for trust and once for the certificates.
  private static func estimate(_ components: [PlannedComponent], parallel: Int) -> Int {
    let work = components.reduce(0.0) { sum, planned in
      sum + (planned.changesTrust ? 2 : 1) + planned.component.key.generationSeconds
    }
    let stages = Double(Set(components.map(\.component.stage)).count) * 1.5
    // With more at once each takes longer, so it is reckoned with as many as at first.
    return max(1, Int(max(work / Double(max(1, min(Course.usuallyFirst, parallel))), stages).rounded(.up)))
  }
}

extension Plan {
  /// The course of the update that this plan describes.
  ///
  /// - Parameter parallel: how many actions may be in flight at once, once enough components were seen to be well.
  public func course(parallel: Int) -> Course {
    let byName = Dictionary(components.map { ($0.component.name, $0.id) }, uniquingKeysWith: { first, _ in first })
    // The update does what the plan says, that of an earlier version too.
    let changesTrust = components.contains(where: \.changesTrust)
    let members = components.map { planned in
      Course.Member(
        id: planned.id, name: planned.component.name, stage: planned.component.stage, usage: planned.component.usage,
        hasTrustBundle: planned.component.files.trustFile != nil, presentsBefore: planned.findings.presents,
        acceptsBefore: planned.findings.accepts, peers: planned.component.peers?.compactMap { byName[$0] },
        group: planned.component.rollingGroup)
    }
    // Whoever wants one after the other gets that; and a key that is made at a target is work there.
    let first = min(Course.usuallyFirst, parallel)
    let isStrict = parallel == 1 || components.contains(where: \.component.keepsKey)
    // A retirement looks at the whole system before each bundle, and changes none while another one may yet fall back.
    let mayOverlap = parallel > 1 && retires == nil
    return Course(
      members: members, root: root.key, retires: retires?.key, policy: policy, changesHTTPS: https != .existing,
      parallel: retires == nil ? parallel : first, first: first, generating: isStrict ? nil : 4 * first,
      settling: mayOverlap ? 3 * first : nil,
      keepsTrust: !changesTrust && components.contains { $0.component.files.trustFile != nil })
  }
}

extension Component.Usage {
  /// The usage as an adjective.
  var words: String {
    switch self {
    case .server: "server"
    case .client: "client"
    case .both: "server and client"
    }
  }
}

extension KeyKind {
  /// Roughly how long making one takes, in seconds of one core.
  var generationSeconds: Double {
    switch self {
    case .ecdsaP256, .ecdsaP384, .ed25519: 0.001
    case .rsa2048: 0.15
    case .rsa3072: 0.6
    case .rsa4096: 2
    }
  }
}

extension String {
  var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
