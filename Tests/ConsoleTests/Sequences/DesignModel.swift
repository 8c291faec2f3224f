import Rotation

@testable import Store

/// The state machine of an update a second time, written from DESIGN.md's table of decisions and not from its source: what
/// may happen next, what each decision does, and where everything must stand once nothing goes on any more.
///
/// It is told what was journaled, in that order. It schedules nothing: it says which events could not have come.
struct DesignModel {
  struct Member {
    let id: Component.ID
    let stage: Int
    let hasBundle: Bool
  }

  enum Standing: String { case planned, running, stopping, deciding, ended }
  enum Mark: String { case waiting, succeeded, failed, skipped }

  struct Action {
    var mark = Mark.waiting
    var attempts = 0
    var isIgnored = false
    /// Skipped because it is not needed any more, which is as good as done.
    var isMoot = false
  }

  let members: [Member]
  let changesHTTPS: Bool
  private(set) var policyGoesOn: Bool
  private(set) var standing = Standing.planned
  private(set) var isBackward = false
  private(set) var question = 0
  private(set) var open: [ActionID] = []
  private(set) var aside: Set<Component.ID> = []
  private(set) var outcome: Outcome?
  /// What the journal held that the table does not allow.
  private(set) var objections: [String] = []
  private var actions: [ActionID: Action] = [:]
  private var isAborting = false
  /// Whether Reroot was told to end while an Abort waited for what was in flight: putting back may have begun before.
  private var mayHaveTurned = false
  private var keepsNewRoot = false
  /// What could have been in flight when nothing new was to begin any more.
  private var inFlightAtMost: Set<ActionID>?

  init(members: [Member], changesHTTPS: Bool, policy: FailurePolicy) {
    self.members = members
    self.changesHTTPS = changesHTTPS
    policyGoesOn = policy == .continue
    for member in members {
      for kind in Self.chain where kind != .trust || member.hasBundle { actions[ActionID(kind, member.id)] = Action() }
    }
    if changesHTTPS { actions[ActionID(.https)] = Action() }
  }

  private static let chain: [ActionKind] = [.generate, .trust, .deploy, .activate, .verify]
  private static let moving: [ActionKind] = [.deploy, .activate, .verify]

  // MARK: What can be seen

  /// Whether the page may say this of an action; nil where it says nothing. That something is to be skipped may be said
  /// before its turn has come.
  func agrees(_ id: ActionID, _ said: String?) -> Bool {
    guard let action = actions[id] else { return said == nil }
    guard let said else { return action.isMoot }
    return said == action.mark.rawValue || (said == Mark.skipped.rawValue && waitingForNothing.contains(id))
  }

  /// Every action that there is.
  var ids: Set<ActionID> { Set(actions.keys) }

  /// Actions that wait and that nothing can begin any more as things stand.
  private var waitingForNothing: [ActionID] {
    actions.filter { $0.value.mark == .waiting && reasonToSkip($0.key) }.map(\.key)
  }

  func attempts(_ id: ActionID) -> Int { actions[id]?.attempts ?? 0 }

  /// What an administrator may answer now.
  var offers: Set<Decision.Kind> {
    switch standing {
    case .planned: []
    case .running, .stopping: isBackward || isAborting ? [] : [.abort]
    case .deciding: isBackward ? [.retry, .override] : Set(Decision.Kind.allCases)
    case .ended:
      switch outcome {
      case .completed: [.abort]
      case .completedWithErrors: [.retry, .abort]
      case .rolledBackWithErrors: [.retry]
      case .rolledBack, nil: []
      }
    }
  }

  /// The failures that a single Retry may name.
  var retriable: [ActionID] {
    actions.filter { $0.value.mark == .failed && (!isBackward || $0.key.kind.isRestoring) }.map(\.key)
  }

  // MARK: What happened

  mutating func take(_ event: Event) {
    switch event {
    case .started: standing = .running
    // Whoever waits may begin, as after its end: the model does not count.
    case .actionSettles(let id, let attempt):
      if attempt != attempts(id) + 1 { objections.append("\(id) settles in attempt \(attempt)") }
    case .actionSucceeded(let id, let attempt): ended(id, attempt, isGood: true)
    case .actionFailed(let id, let attempt, _): ended(id, attempt, isGood: false)
    case .decided(let decision): decided(decision)
    case .halted:
      standing = .stopping
      inFlightAtMost = inFlightAtMost ?? enabled
      mayHaveTurned = isAborting
      isAborting = false
    case .interrupted(let lost):
      if lost.contains(where: { $0.action.kind.isRestoring }) { turn() }
      mayHaveTurned = false
      for one in lost {
        change(one.action) {
          $0.mark = .failed; $0.attempts += 1
        }
        open.append(one.action)
      }
      isAborting = false
      ask()
    case .journalRestored: objections.append("nothing was restored from a backup")
    }
  }

  /// To be called when nothing goes on any more: what must have come of it by itself.
  mutating func rest() {
    if standing == .stopping {
      if isAborting { rollBack() } else { ask() }
    }
    guard standing == .running else { return }
    let left = enabled
    if !left.isEmpty { objections.append("it rests although \(left.sorted { "\($0)" < "\($1)" }) could begin") }
    finish()
  }

  private mutating func ended(_ id: ActionID, _ attempt: Int, isGood: Bool) {
    if id.kind.isRestoring { turn() }
    if standing == .running, !enabled.contains(id) { objections.append("\(id) ended and could not have begun") }
    if standing == .stopping, inFlightAtMost?.contains(id) != true { objections.append("\(id) began while stopping") }
    if standing == .deciding || standing == .ended { objections.append("\(id) ended while it \(standing)") }
    guard attempt == attempts(id) + 1 else { return objections.append("\(id): attempt \(attempt)") }
    inFlightAtMost?.remove(id)
    let goesOn = isAborting || (policyGoesOn && !isBackward)
    change(id) {
      $0.attempts = attempt
      $0.mark = isGood ? .succeeded : .failed
      $0.isIgnored = !isGood && goesOn
    }
    guard !isGood, !goesOn else { return }
    open.append(id)
    if standing == .running {
      inFlightAtMost = enabled
      standing = .stopping
    }
  }

  /// Something is being put back, so that what was in flight when Abort came has ended.
  private mutating func turn() {
    guard isAborting || mayHaveTurned, !isBackward else { return }
    let isEnding = mayHaveTurned
    rollBack()
    guard isEnding else { return }
    standing = .stopping
    inFlightAtMost = enabled
  }

  private mutating func ask() {
    standing = .deciding
    question += 1
    inFlightAtMost = nil
  }

  private mutating func finish() {
    standing = .ended
    question += 1
    if isBackward {
      let isBack = actions.allSatisfy { !$0.key.kind.isRestoring || $0.value.mark == .succeeded || $0.value.isMoot }
      outcome = isBack ? .rolledBack : .rolledBackWithErrors
    } else {
      let isWhole = actions.allSatisfy { $0.key.kind.isRestoring || $0.value.mark == .succeeded }
      outcome = isWhole && aside.isEmpty ? .completed : .completedWithErrors
    }
    for id in waitingForNothing { change(id) { $0.mark = .skipped } }
  }

  private mutating func change(_ id: ActionID, _ body: (inout Action) -> Void) {
    body(&actions[id, default: Action()])
  }
}

// MARK: - What may begin

extension DesignModel {
  /// The actions that may be in flight or begin now.
  var enabled: Set<ActionID> {
    let urgent = isBackward ? [] : actions.filter { $0.key.kind.isRestoring && $0.value.mark == .waiting }.map(\.key)
    let phase = (isBackward ? backwardPhases : forwardPhases).first { !$0.isEmpty } ?? []
    return Set(urgent + phase)
  }

  private func waiting(_ kind: ActionKind, _ stage: Int) -> [ActionID] {
    members.filter { $0.stage == stage }.map { ActionID(kind, $0.id) }.filter(isReady)
  }

  private func isReady(_ id: ActionID) -> Bool { actions[id]?.mark == .waiting && !reasonToSkip(id) }

  private var stages: [Int] { Set(members.map(\.stage)).sorted() }

  /// Everything has a certificate before anything trusts; everything trusts before anything is replaced; a stage ends
  /// before the next one begins; the console comes last.
  private var forwardPhases: [[ActionID]] {
    let generate = members.map { ActionID(.generate, $0.id) }.filter(isReady)
    let replace = stages.map { stage in
      members.filter { $0.stage == stage }.compactMap { member in
        Self.moving.map { ActionID($0, member.id) }.first { actions[$0]?.mark == .waiting }
      }.filter(isReady)
    }
    return [generate] + stages.map { waiting(.trust, $0) } + replace + [[ActionID(.https)].filter(isReady)]
  }

  /// The reverse: the new root is trusted until nothing presents it any more.
  private var backwardPhases: [[ActionID]] {
    [[ActionID(.restoreHTTPS)].filter(isReady)] + stages.reversed().map { waiting(.restore, $0) }
      + stages.reversed().map { waiting(.restoreTrust, $0) }
  }

  private func reasonToSkip(_ id: ActionID) -> Bool {
    guard let component = id.component else { return false }
    switch id.kind {
    case .generate: return aside.contains(component)
    case .deploy, .activate, .verify:
      // Whether there will be a certificate is not known while it is still to be made.
      let made = actions[ActionID(.generate, component)]?.mark
      return aside.contains(component) || made == .failed || made == .skipped
    case .restoreTrust: return isBackward && keepsNewRoot
    case .trust, .https, .restore, .restoreHTTPS: return false
    }
  }
}

// MARK: - What each decision does

extension DesignModel {
  private mutating func decided(_ decision: Decision) {
    // It may have come to rest, and been answered, before anybody looked.
    if standing == .stopping, !isAborting, decision.question == question + 1 { ask() }
    if standing == .running, enabled.isEmpty { finish() }
    if decision.question != question {
      objections.append("\(decision.kind) answers question \(decision.question), and \(question) is asked")
    }
    if !offers.contains(decision.kind) { objections.append("\(decision.kind) is not on offer") }
    question += 1
    // Whoever decides has seen which way it goes: from now on what is put back may be a component that is set aside.
    mayHaveTurned = false
    switch decision.kind {
    case .abort:
      if standing == .running || standing == .stopping {
        inFlightAtMost = inFlightAtMost ?? enabled
        isAborting = true
        standing = .stopping
        return
      }
      return rollBack()
    case .retry:
      if standing == .ended { retryAfterEnd(decision.actions ?? retriable) } else { open.forEach { redo($0) } }
    case .override: open.forEach { override($0) }
    case .continueUpdate:
      policyGoesOn = true
      for id in open { change(id) { $0.isIgnored = true } }
    }
    open = []
    outcome = nil
    standing = .running
  }

  /// A component that was not reloaded cannot serve anything else by waiting: a verification is preceded by its activation.
  private mutating func redo(_ id: ActionID) {
    makeWaiting(id)
    if id.kind == .verify { makeWaiting(ActionID(.activate, id.component)) }
  }

  private mutating func makeWaiting(_ id: ActionID) {
    change(id) { $0 = Action(mark: .waiting, attempts: $0.attempts) }
  }

  private mutating func retryAfterEnd(_ ids: [ActionID]) {
    if isBackward {
      ids.forEach { redo($0) }
      keepsNewRoot = actions.contains { $0.key.kind == .restore && $0.value.mark == .failed }
      for (id, action) in actions where id.kind == .restoreTrust && action.mark == .skipped && !action.isMoot {
        if !keepsNewRoot { makeWaiting(id) }
      }
      return
    }
    let moved = Set(ids.filter { !$0.kind.isRestoring }.compactMap(\.component))
    for id in ids where id.kind.isRestoring && id.component.map(moved.contains) != true { redo(id) }
    for id in ids where !id.kind.isRestoring { moveAfterAll(id) }
  }

  /// A component whose failure is retried after the end is moved to the new set after all, from the failed action on.
  private mutating func moveAfterAll(_ id: ActionID) {
    redo(id)
    guard let component = id.component else { return }
    let putBack = actions[ActionID(.restore, component)]
    let wasPutBack = (putBack?.attempts ?? 0) > 0 && putBack?.mark != .skipped
    aside.remove(component)
    for kind in [ActionKind.restore, .restoreTrust] where actions[ActionID(kind, component)] != nil {
      change(ActionID(kind, component)) { $0 = Action(mark: .skipped, attempts: $0.attempts, isMoot: true) }
    }
    let place = Self.chain.firstIndex(of: id.kind) ?? 0
    for (index, kind) in Self.chain.enumerated() {
      guard let found = actions[ActionID(kind, component)] else { continue }
      let comesAfter = index > place && kind != .trust
      let wasUndone = wasPutBack && Self.moving.contains(kind)
      if comesAfter || wasUndone || found.mark == .failed || found.mark == .skipped {
        makeWaiting(ActionID(kind, component))
      }
    }
  }

  private mutating func override(_ id: ActionID) {
    change(id) { $0.isIgnored = true }
    if isBackward {
      if id.kind == .restore { keepsNewRoot = true }
      return
    }
    guard !id.kind.isRestoring, let component = id.component else { return }
    aside.insert(component)
    for kind in [ActionKind.generate] + Self.moving where actions[ActionID(kind, component)]?.mark == .waiting {
      change(ActionID(kind, component)) { $0.mark = .skipped }
    }
    if id.kind == .trust { makeWaiting(ActionID(.restoreTrust, component)) }
    if let deploy = actions[ActionID(.deploy, component)], deploy.attempts > 0, deploy.mark != .skipped {
      makeWaiting(ActionID(.restore, component))
    }
  }

  private mutating func rollBack() {
    isAborting = false
    isBackward = true
    keepsNewRoot = false
    inFlightAtMost = nil
    open = []
    aside = []
    outcome = nil
    standing = .running
    for (id, action) in actions {
      switch action.mark {
      case .waiting:
        change(id) {
          $0.mark = .skipped; $0.isMoot = id.kind.isRestoring
        }
      case .failed: change(id) { $0.isIgnored = true }
      case .succeeded, .skipped: break
      }
    }
    for member in members {
      undo(.deploy, .restore, member.id)
      undo(.trust, .restoreTrust, member.id)
    }
    undo(.https, .restoreHTTPS, nil)
  }

  /// What was ever begun is put back, unless that has been done.
  private mutating func undo(_ kind: ActionKind, _ undoing: ActionKind, _ component: Component.ID?) {
    guard attempts(ActionID(kind, component)) > 0 else { return }
    let id = ActionID(undoing, component)
    if actions[id]?.mark != .succeeded { makeWaiting(id) }
  }
}
