import Rotation
import Store

// What the parts of an update are called on its pages, in the journal and on the command line.

extension ActionKind {
  /// The heading of a column.
  var title: String {
    switch self {
    case .generate: "Generate"
    case .trust: "Trust"
    case .deploy: "Deploy"
    case .activate: "Activate"
    case .verify: "Verify"
    case .https: "HTTPS"
    case .restore: "Restore certificate"
    case .restoreTrust: "Restore trust"
    case .restoreHTTPS: "Restore HTTPS"
    }
  }

  /// The same in the column of what is put back.
  var shortTitle: String {
    switch self {
    case .restore: "Certificate"
    case .restoreTrust: "Trust bundle"
    case .restoreHTTPS: "HTTPS"
    default: title
    }
  }

  /// What is done to a component, as the beginning of “… failed”.
  func attempt(_ name: String, in purpose: Purpose = .renewal) -> String {
    switch self {
    case .trust where purpose == .retirement: "Taking the old root out of the trust bundle of \(name)"
    case .generate: "Generating the certificate of \(name)"
    case .trust: "Adding the new root to the trust bundle of \(name)"
    case .deploy: "Deploying the new files of \(name)"
    case .activate: "Activating \(name)"
    case .verify: "Verifying \(name)"
    case .https: "Exchanging the console’s own certificate"
    case .restore: "Putting back the previous certificate of \(name)"
    case .restoreTrust: "Putting back the previous trust bundle of \(name)"
    case .restoreHTTPS: "Putting back the console’s own certificate"
    }
  }

  /// What has been done to a component.
  func result(_ name: String, in purpose: Purpose = .renewal) -> String {
    switch self {
    case .trust where purpose == .retirement: "The trust bundle of \(name) does not hold the old root any more"
    case .generate: "The certificate of \(name) is generated"
    case .trust: "\(name) trusts the old and the new root"
    case .deploy: "The new files of \(name) are deployed"
    case .activate: "\(name) is activated"
    case .verify: "\(name) is verified: it serves exactly its new certificate"
    case .https: "The console serves its new certificate"
    case .restore: "\(name) has its previous certificate again"
    case .restoreTrust: "\(name) has its previous trust bundle again"
    case .restoreHTTPS: "The console serves its previous certificate again"
    }
  }
}

extension Decision.Kind {
  /// The text of the button.
  var label: String {
    switch self {
    case .abort: "Abort"
    case .override: "Override"
    case .retry: "Retry"
    case .continueUpdate: "Continue Update"
    }
  }
}

extension Outcome {
  /// How an update ended, in words.
  var words: String {
    switch self {
    case .completed: "Completed"
    case .completedWithErrors: "Completed with errors"
    case .rolledBack: "Rolled back"
    case .rolledBackWithErrors: "Rolled back with errors"
    }
  }

  /// The tone of its mark.
  var tone: String {
    switch self {
    case .completed: "ok"
    case .rolledBack: "off"
    case .completedWithErrors, .rolledBackWithErrors: "warn"
    }
  }
}

extension FailurePolicy {
  /// What the form calls it.
  var label: String { self == .stop ? "Stop Update" : "Continue Update" }
}

extension UpdateState {
  /// A stable word for how it stands, for scripts and tests.
  var standingWord: String {
    switch standing {
    case .planned: "planned"
    case .running: direction == .forward ? "running" : "rollingBack"
    case .stopping: "stopping"
    case .deciding: "deciding"
    case .ended(let outcome): outcome.rawValue
    }
  }

  /// How it stands, in words.
  var standingLabel: String {
    switch standing {
    case .planned: "Planned"
    case .running: direction == .forward ? "Running" : "Rolling back"
    case .stopping: isAborting ? "Stopping, to roll back" : "Stopping"
    case .deciding: "Waiting for your decision"
    case .ended(let outcome): outcome.words
    }
  }

  /// The tone of that mark.
  var standingTone: String {
    switch standing {
    case .planned: "wait"
    case .running, .stopping: "busy"
    case .deciding: "error"
    case .ended(let outcome): outcome.tone
    }
  }

  /// What is being done at the moment, in words.
  var currentStep: String {
    switch standing {
    case .planned: return "Nothing has been touched yet."
    case .deciding:
      return openFailures.isEmpty
        ? "Reroot was ended in the middle. Nothing goes on until you decide."
        : "Nothing goes on until you decide."
    case .stopping: return stoppingStep
    case .ended(let outcome): return outcome.summary(of: course.purpose)
    case .running: break
    }
    let places = Set(actionsInFlight.keys.compactMap { $0.component.flatMap(place) }).sorted()
    let names = places.map { course.members[$0].name }
    let who = names.count > 3 ? "\(Display.list(Array(names.prefix(3)))) and others" : Display.list(names)
    return phaseWords + (who.isEmpty ? "." : ": \(who).")
  }

  /// What is waited for, by name: it may be something that hangs.
  private var stoppingStep: String {
    let flying = actionsInFlight.keys.sorted { "\($0)" < "\($1)" }.map { id in
      id.kind.attempt(id.component.flatMap(member)?.name ?? "the console", in: course.purpose)
    }
    let shown = flying.count > 3 ? flying.prefix(3) + ["\(flying.count - 3) more"] : flying[...]
    let what = "waiting for \(Display.count(flying.count, "action")) in flight: \(Display.list(Array(shown)))."
    guard isAborting else { return "Nothing new begins; \(what)" }
    return "Abort is chosen; \(what) What takes longer than \(Self.courtesy.components.seconds) seconds is told to end."
  }

  private var phaseWords: String {
    switch phase {
    case .generate: "Generating keys and certificates"
    case .trust where course.purpose == .retirement: "Taking the old root out of the trust bundles"
    case .trust: "Adding the new root to the trust bundles"
    case .replace(let range): "Deploying, activating and verifying stage \(course.members[range.lowerBound].stage)"
    case .https: "Exchanging the console’s own certificate"
    case .restoreHTTPS: "Putting back the console’s own certificate"
    case .restore: "Putting back the previous certificates"
    case .restoreTrust: "Putting back the previous trust bundles"
    case nil: "Working"
    }
  }
}

extension Outcome {
  /// What the end means.
  func summary(of purpose: Purpose) -> String {
    switch (self, purpose) {
    case (.completed, .retirement): "No trust bundle holds the old root any more, as far as Reroot manages them."
    case (.completedWithErrors, .retirement): "Some trust bundles may still hold the old root."
    case (.rolledBack, .retirement):
      "Every trust bundle is as it was before, byte for byte: the old root is trusted as before."
    case (.rolledBackWithErrors, .retirement): "Some trust bundles could not be put back."
    case (.completed, .renewal):
      "Every component serves its new certificate. The old root stays trusted until it is retired."
    case (.completedWithErrors, .renewal): "Some components are not on the new certificate set."
    case (.rolledBack, .renewal):
      "Everything that was touched is as it was before the update, and was seen on the wire."
    case (.rolledBackWithErrors, .renewal): "Some components could not be put back; the new root is still trusted."
    }
  }
}

extension JournalEntry {
  /// What the entry says, in words.
  func words(in purpose: Purpose = .renewal, _ name: (Component.ID?) -> String) -> String {
    switch content {
    case .note(let action, let text):
      return action.map { "\(name($0.component)): \(text)" } ?? text
    case .event(let event):
      switch event {
      case .started(let user):
        return "\(user) started the \(purpose == .renewal ? "update" : "retirement of the old root")"
      case .actionSettles(let action, _):
        return "\(name(action.component)): seen to be right, and watched a moment longer"
      case .actionSucceeded(let action, _): return action.kind.result(name(action.component), in: purpose)
      case .actionFailed(let action, _, let failure):
        return "\(action.kind.attempt(name(action.component), in: purpose)) failed: \(failure.sentence)"
      case .interrupted(let actions):
        return Self.words(ofInterruption: actions.map(\.failure))
      case .halted: return "Reroot is being ended: nothing new begins"
      case .journalRestored:
        return "Reroot was restored from a backup: what happened after it is not known, so nothing counts as done"
      case .decided(let decision):
        let reason = decision.reason.map { " (“\($0)”)" } ?? ""
        return "\(decision.by) decided: \(decision.kind.label)\(reason)"
      }
    }
  }

  private static func words(ofInterruption failures: [Failure]) -> String {
    let lost = failures.count(where: \.isInterruption)
    let undone = failures.count - lost
    let end = lost > 0 || undone == 0 ? "Reroot was ended in the middle of \(Display.count(lost, "action"))" : nil
    let found =
      undone > 0 ? "Reroot started again and found undone what \(Display.count(undone, "action")) had done" : nil
    return [end, found].compactMap(\.self).joined(separator: ". ")
  }

  /// The tone of its mark.
  var tone: String {
    switch content {
    case .note: "note"
    case .event(.actionSucceeded): "ok"
    case .event(.actionFailed), .event(.interrupted), .event(.journalRestored): "error"
    case .event: "note"
    }
  }

  /// The components whose row it changes; nil where any may have changed.
  var touches: Set<Component.ID?>? {
    switch content {
    // One of the whole, such as a request for Abort, is shown in the panel, too.
    case .note(let action, _): action == nil ? [nil] : []
    case .event(.actionSettles(let action, _)), .event(.actionSucceeded(let action, _)),
      .event(.actionFailed(let action, _, _)):
      [action.component]
    case .event: nil
    }
  }
}
