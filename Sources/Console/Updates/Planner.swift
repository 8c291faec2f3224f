import Delivery
import Foundation
import PKI
import Rotation
import Store

/// What an administrator chose in the form of an update.
struct UpdateChoices: Sendable {
  var root: RootRecord.ID
  var months: Int
  var policy: FailurePolicy
  var https: HTTPSChoice
}

/// Looks at everything that an update would touch, and makes its plan. Changes nothing but the store.
struct Planner: Sendable {
  private let surroundings: UpdateSurroundings
  /// How many actions may be in flight at once.
  let parallel: Int

  private var store: Store { surroundings.store }

  init(_ surroundings: UpdateSurroundings, parallel: Int) {
    self.surroundings = surroundings
    self.parallel = parallel
  }

  /// Makes a plan and keeps it, with the files that were found.
  ///
  /// - Throws: ``StoreError``, also when the root is not there.
  func makePlan(_ choices: UpdateChoices) async throws -> Plan.ID {
    let root = try await store.root(choices.root)
    let known = try await store.roots().map(\.certificate)
    let now = surroundings.clock()
    let looks = await look(
      at: try await store.components(), knownRoots: known, newRoot: root.certificate, now: now)
    let request = PlanRequest(
      root: root.planned, rootProblems: await problems(of: root), months: choices.months, policy: choices.policy,
      https: choices.https,
      httpsProblems: try await problems(of: choices.https),
      components: looks.map { ($0.component, $0.findings) }, parallel: parallel, now: now)
    return try await save(PlanMaker.make(request), looks)
  }

  /// Makes the plan of a retirement and keeps it, with the files that were found.
  func makePlan(retiring root: RetiringRoot, keeping kept: RootRecord) async throws -> Plan.ID {
    let known = try await store.roots().map(\.certificate) + [root.certificate]
    let now = surroundings.clock()
    let looks = await look(at: try await store.components(), knownRoots: known, newRoot: nil, now: now)
    let report = try await DependencyLook(surroundings).report(on: root.key, keeping: kept.planned.key)
    let request = RetirementRequest(
      retires: RetiredRoot(name: root.name, subject: root.certificate.subject, key: root.key), kept: kept.planned,
      components: looks.map { ($0.component, $0.findings) }, dependencies: report.dependencies, parallel: parallel,
      now: now)
    return try await save(PlanMaker.make(request), looks)
  }

  private func save(_ made: Plan, _ looks: [Look]) async throws -> Plan.ID {
    var plan = made
    plan.problems += try await surroundings.clockDesk.problems()
    let files = Dictionary(
      looks.map { ($0.component.id, $0.files.map { KeptFile(file: $0.file, content: $0.content) }) },
      uniquingKeysWith: { first, _ in first })
    return try await store.savePlan(plan, files: files)
  }

  /// Checks that what the plan found is still there, so that nothing is rolled back to files that were changed since.
  ///
  /// - Returns: the paths whose content, owner or mode differs now, and why others could not be looked at: one reason for
  ///   each component.
  func changedFiles(since plan: Plan) async -> (changed: [String], unseen: [String]) {
    let looks = await ManyAtOnce.each(plan.components) { planned -> (changed: [String], unseen: String?) in
      let files = planned.findings.files
      do {
        let states = try await surroundings.access(planned.component).states(files.map(\.path))
        return (zip(files, states).filter { $0.0.state != $0.1 }.map { $0.0.path }, nil)
      } catch {
        return ([], "“\(planned.component.name)”: \(Failure(describing: error).sentence)")
      }
    }
    return (looks.flatMap(\.changed), looks.compactMap(\.unseen))
  }

  // MARK: Looking

  private struct Look: Sendable {
    let component: Component
    let findings: Findings
    let files: [SnapshotFile]
  }

  private func look(
    at components: [Component], knownRoots: [Certificate], newRoot: Certificate?, now: Date
  ) async -> [Look] {
    await ManyAtOnce.each(components) { component in
      let delivery = ComponentDelivery(
        component: component, access: surroundings.access(component), now: surroundings.clock)
      var (findings, files) = await delivery.inspect(knownRoots: knownRoots, newRoot: newRoot, now: now)
      findings.problems += nameProblems(of: component)
      return Look(component: component, findings: findings, files: files)
    }
  }

  /// Names that no certificate would be signed for stop the plan, and not the update in its middle.
  private func nameProblems(of component: Component) -> [Problem] {
    do {
      try ChildRequest.checkNames(component.names.map(\.alternativeName))
      return []
    } catch {
      let failure = Failure(describing: error)
      return [
        Problem(
          code: failure.code, sentence: failure.sentence,
          advice: "Correct the names of “\(component.name)”, then make a new plan.", isBlocking: true)
      ]
    }
  }

  // MARK: Problems of the whole

  private func problems(of root: RootRecord) async -> [Problem] {
    do {
      let signer = RootSigner(
        root, store: store, threads: surroundings.threads, modules: surroundings.modules,
        clock: surroundings.clock)
      try await signer.check()
      return []
    } catch {
      let failure = Failure(describing: error)
      return [Problem(code: failure.code, sentence: failure.sentence, advice: failure.advice, isBlocking: true)]
    }
  }

  /// What is wrong with what the console is to serve HTTPS with, at this moment.
  func problems(of choice: HTTPSChoice) async throws -> [Problem] {
    guard case .trustStore(let number) = choice else { return [] }
    guard let record = try await store.serverCertificates().first(where: { $0.id.rawValue == number }) else {
      return [
        Problem(
          code: "NO_SERVER_CERTIFICATE", sentence: "The server certificate is not in the trust store any more.",
          advice: "Choose another one.", isBlocking: true)
      ]
    }
    guard let leaf = record.chain.first, leaf.notAfter <= surroundings.clock() else { return [] }
    return [
      Problem(
        code: "SERVER_CERTIFICATE_EXPIRED", sentence: "The server certificate “\(record.name)” has expired.",
        advice: "Choose another one.", isBlocking: true)
    ]
  }
}
