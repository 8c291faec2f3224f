import Foundation
import Logging
import PKI
import Rotation
import Store

/// Renews the child certificates under the root in force before they end, as an ordinary update with the policy Stop.
///
/// It makes a plan and starts it by the operations that everybody else uses, but asks nobody, and decides nothing: what forbids
/// the start is said, and left to an administrator. What the plan only warns of, such as a certificate that has ended already,
/// holds nothing up: a failure stops the update and asks. Every attempt is on disk before it is made; the next
/// is not made before the next maintenance window or, without windows, the next day.
actor RenewalDesk {
  /// What it works with.
  struct Surroundings: Sendable {
    let store: Store
    let updates: UpdateService
    let clock: @Sendable () -> Date
    /// Holds this machine's clock against what is known.
    let clockCheck: @Sendable () async throws -> ClockCheck
    /// How long the program runs, by a clock that nobody sets.
    var uptime: @Sendable () -> Duration = {
      let began = ContinuousClock.now
      return { ContinuousClock.now - began }
    }()
    /// Whether a restored database has still to be compared with the world.
    let isRestored: @Sendable () -> Bool
    /// Tells those who want to know that a renewal is due and was not started.
    let notify: @Sendable (RenewalHold, RenewalRecord.ID) async -> Void
    let logger: Logger
  }

  /// How things stand.
  enum Standing: Sendable, Hashable {
    /// The setting is off.
    case off
    /// No certificate is in force.
    case nothing
    /// What was set cannot be read.
    case unreadable(RenewalHold)
    /// Nothing has to be done before this moment.
    case notDue(Date)
    /// A renewal is due since a moment, and waits for something that comes by itself.
    case waits(since: Date, String)
    /// A renewal is to be begun.
    case due(since: Date)
  }

  /// What a look led to.
  enum Result: Sendable, Hashable {
    /// Nothing was to be done.
    case nothing
    /// A renewal is due and was not started.
    case held(code: String)
    /// It was started as this update.
    case started(UpdateRecord.ID)
  }

  /// Who starts updates here, as pages and the journal name it.
  static let starter = "renewal"
  /// An attempt of which nothing was heard, since the program ended, is made again after this time, in seconds.
  private static let patience: TimeInterval = 3_600
  private static let day: TimeInterval = 86_400

  private let surroundings: Surroundings
  /// By how much the clock was set, and when that was seen.
  private var jump: (setBy: TimeInterval, seen: Duration)?

  private var store: Store { surroundings.store }
  private var now: Date { surroundings.clock() }

  init(_ surroundings: Surroundings) { self.surroundings = surroundings }

  /// Looks every minute whether something is due, until the task is cancelled. Not at once: after a start of the machine the
  /// services may not be there yet.
  func watch() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: .seconds(60))
      guard !Task.isCancelled else { return }
      await look()
    }
  }

  /// Starts a renewal where one is due and can be started, and says so where it cannot.
  @discardableResult
  func look() async -> Result {
    do {
      switch try await standing() {
      case .due: return try await attempt(start)
      case .unreadable(let hold):
        if let last = try await store.lastRenewal(), isTooSoon(after: last, .distantPast) { return .nothing }
        return try await attempt { throw hold }
      case .off, .nothing, .notDue, .waits: return .nothing
      }
    } catch {
      surroundings.logger.error("renewal not looked at", metadata: ["reason": "\(error)"])
      return .nothing
    }
  }

  /// How things stand. Changes nothing.
  func standing() async throws -> Standing {
    let settings: RenewalSettings
    do {
      settings = try await RenewalSettings.read(store)
    } catch let hold as RenewalHold {
      return .unreadable(hold)
    }
    guard settings.lead != .off else { return .off }
    let dates = try await store.certificateLives().compactMap { settings.lead.due(begin: $0.begin, end: $0.end) }
    guard let due = dates.min() else { return .nothing }
    let now = now
    guard due <= now else { return .notDue(due) }
    if let update = try await store.unfinishedUpdate() {
      return .waits(since: due, "Update \(update.id) has not ended.")
    }
    if surroundings.isRestored() {
      return .waits(since: due, "The database was restored, and has first to be compared with what is there.")
    }
    guard let opening = settings.windows.opening(at: now) else { return .waits(since: due, next(settings.windows)) }
    if let last = try await store.lastRenewal(), isTooSoon(after: last, opening) {
      return .waits(
        since: due,
        settings.windows.windows.isEmpty
          ? "It is tried again from \(Display.moment(last.begunAt.addingTimeInterval(Self.day))) on."
          : next(settings.windows))
    }
    return .due(since: due)
  }

  /// What was in the way at the last attempt since a renewal is due; nil when nothing was.
  func hold(_ since: Date) async throws -> String? {
    guard let last = try await store.lastRenewal(), last.update == nil, last.begunAt >= since else { return nil }
    return last.sentence
  }

  private func next(_ windows: MaintenanceWindows) -> String {
    let next = windows.next(after: now).map(Display.moment) ?? "no time"
    return "The next maintenance window opens at \(next)."
  }

  /// Whether an attempt was made in this window or on this day. One that lies in the future was made by a clock that was
  /// wrong, and is none to wait for.
  private func isTooSoon(after last: RenewalRecord, _ opening: Date) -> Bool {
    let age = now.timeIntervalSince(last.begunAt)
    guard age > -ClockCheck.tolerance else { return false }
    if last.code == nil { return age < Self.patience }
    return opening == .distantPast ? age < Self.day : last.begunAt >= opening
  }

  // MARK: An attempt

  private func attempt(_ start: () async throws -> UpdateRecord.ID) async throws -> Result {
    let attempt = try await store.beginRenewal()
    let update: UpdateRecord.ID
    do {
      update = try await start()
    } catch UpdateRefusal.halting {
      // The program is being ended; the next start looks again.
      return .nothing
    } catch {
      let hold = RenewalHold(error)
      let act = AuditAct(.renewalHeld, by: .reroot, ["reason": hold.sentence, "code": hold.code])
      try await store.recording(act) {
        try await store.endRenewal(attempt, code: hold.code, sentence: hold.sentence)
      }
      surroundings.logger.warning("renewal held", metadata: ["code": "\(hold.code)", "reason": "\(hold.sentence)"])
      await surroundings.notify(hold, attempt)
      return .held(code: hold.code)
    }
    do {
      try await store.endRenewal(
        attempt, code: "STARTED", sentence: "Update \(update) was started.", update: update)
    } catch {
      // It runs all the same, and whoever looks next finds it.
      surroundings.logger.error(
        "start of a renewal not noted", metadata: ["update": "\(update)", "reason": "\(error)"])
    }
    return .started(update)
  }

  private func start() async throws -> UpdateRecord.ID {
    if let sentence = try await clockProblem() { throw RenewalHold(code: "CLOCK_IN_DOUBT", sentence) }
    let course = try await RenewalCourse.make(store, now: now)
    if try await store.isSecondPersonOn() {
      throw RenewalHold(
        code: "SECOND_PERSON_NEEDED",
        "A second person has to agree to every start, so Reroot starts nothing by itself. Plan an update to "
          + "“\(VisibleText.of(course.root.name))” and ask for the agreement.", path: "/roots/\(course.root.id)/update")
    }
    let name = VisibleText.of(course.root.name)
    let made = AuditAct(.planMade, by: .reroot, on: "renewal under “\(name)”")
    let plan = try await store.recording(made) { try await surroundings.updates.plan(course.choices) }
    let warnings = try warnings(try await store.plan(plan), plan)
    let act = AuditAct(
      .updateStarted, by: .reroot,
      [
        "plan": "\(plan)", "accepts problems": warnings == 0 ? "no" : "yes", "accepts namesake": "no",
        "for": Self.starter,
      ])
    let update = try await store.recording(act) {
      try await surroundings.updates.start(
        plan, acceptsProblems: warnings > 0, acceptsNamesake: false, by: Self.starter)
    }
    surroundings.logger.notice("renewal started", metadata: ["update": "\(update)", "root": "\(name)"])
    return update
  }

  /// How many problems of a plan forbid nothing.
  ///
  /// - Throws: ``RenewalHold`` for those that do.
  private func warnings(_ plan: Plan, _ id: Plan.ID) throws -> Int {
    let problems = plan.allProblems.filter(\.isBlocking)
    guard let first = problems.first else { return plan.allProblems.count }
    let more = problems.count == 1 ? "" : " (and \(Display.count(problems.count - 1, "more problem")))"
    throw RenewalHold(
      code: "PLAN_BLOCKED",
      "The plan of the renewal names a problem\(more): \(first.sentence) \(first.advice)", path: "/plans/\(id)")
  }

  /// Why the clock cannot be gone by; nil when it can. One that was set while the program ran is believed after a day in which
  /// somebody could have seen to it.
  private func clockProblem() async throws -> String? {
    let check = try await surroundings.clockCheck()
    if let first = check.contradictions.first {
      return "This machine’s clock disagrees with what is known: \(first) Set it right first."
    }
    guard let sentence = check.jump else {
      jump = nil
      return nil
    }
    let uptime = surroundings.uptime()
    let seen = jump.flatMap { abs($0.setBy - check.setBy) <= ClockCheck.tolerance ? $0.seen : nil } ?? uptime
    jump = (check.setBy, seen)
    guard uptime - seen < .seconds(Self.day) else { return nil }
    return "This machine’s clock was set. \(sentence) Check that it is right: Reroot goes by it from tomorrow on."
  }
}
