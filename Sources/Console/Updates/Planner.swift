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
  let store: Store
  let threads: WorkThreads
  let access: @Sendable (Component) -> TargetAccess
  let clock: @Sendable () -> Date
  let parallel: Int

  /// How many components are looked at at once.
  private static let looksAtOnce = 16

  /// Makes a plan and keeps it, with the files that were found.
  ///
  /// - Throws: ``StoreError``, also when the root is not there.
  func makePlan(_ choices: UpdateChoices) async throws -> Plan.ID {
    let root = try await store.root(choices.root)
    let known = try await store.roots().map(\.certificate)
    let now = clock()
    let looks = try await look(at: store.components(), knownRoots: known, now: now)
    let request = PlanRequest(
      root: PlannedRoot(
        id: root.id.rawValue, name: root.name, subject: root.certificate.subject,
        key: RootKey(root.certificate.fingerprint.hex), notBefore: root.certificate.notBefore,
        notAfter: root.certificate.notAfter),
      rootProblems: await problems(of: root), months: choices.months, policy: choices.policy, https: choices.https,
      httpsProblems: try await problems(of: choices.https),
      components: looks.map { ($0.component, $0.findings) }, parallel: parallel, now: now)
    let files = Dictionary(
      looks.map { ($0.component.id, $0.files.map { KeptFile(file: $0.file, content: $0.content) }) },
      uniquingKeysWith: { first, _ in first })
    return try await store.savePlan(PlanMaker.make(request), files: files)
  }

  /// Checks that what the plan found is still there, so that nothing is rolled back to files that were changed since.
  ///
  /// - Returns: the paths whose content, owner or mode differs now.
  func changedFiles(since plan: Plan) async throws -> [String] {
    let looks = try await look(at: plan.components.map(\.component), knownRoots: [], now: clock())
    let found = Dictionary(looks.map { ($0.component.id, $0.findings.files) }, uniquingKeysWith: { first, _ in first })
    return plan.components.flatMap { planned in
      planned.findings.files.filter { file in found[planned.id]?.contains(file) != true }.map(\.path)
    }
  }

  // MARK: Looking

  private struct Look: Sendable {
    let component: Component
    let findings: Findings
    let files: [SnapshotFile]
  }

  private func look(at components: [Component], knownRoots: [Certificate], now: Date) async throws -> [Look] {
    await withTaskGroup(of: Look.self) { group in
      var waiting = components.makeIterator()
      var looks: [Look] = []
      for _ in 0..<Self.looksAtOnce {
        guard let component = waiting.next() else { break }
        group.addTask { await look(at: component, knownRoots, now) }
      }
      for await look in group {
        looks.append(look)
        if let component = waiting.next() { group.addTask { await self.look(at: component, knownRoots, now) } }
      }
      return looks
    }
  }

  private func look(at component: Component, _ knownRoots: [Certificate], _ now: Date) async -> Look {
    let delivery = ComponentDelivery(component: component, access: access(component), threads: threads)
    let (findings, files) = await delivery.inspect(knownRoots: knownRoots, now: now)
    return Look(component: component, findings: findings, files: files)
  }

  // MARK: Problems of the whole

  private func problems(of root: RootRecord) async -> [Problem] {
    do {
      _ = try await RootSigner(record: root, store: store, threads: threads, clock: clock)
      return []
    } catch {
      let failure = Failure(describing: error)
      return [Problem(code: failure.code, sentence: failure.sentence, advice: failure.advice, isBlocking: true)]
    }
  }

  private func problems(of choice: HTTPSChoice) async throws -> [Problem] {
    guard case .trustStore(let number) = choice else { return [] }
    guard let record = try await store.serverCertificates().first(where: { $0.id.rawValue == number }) else {
      return [
        Problem(
          code: "NO_SERVER_CERTIFICATE", sentence: "The server certificate is not in the trust store any more.",
          advice: "Choose another one.", isBlocking: true)
      ]
    }
    guard let leaf = record.chain.first, leaf.notAfter <= clock() else { return [] }
    return [
      Problem(
        code: "SERVER_CERTIFICATE_EXPIRED", sentence: "The server certificate “\(record.name)” has expired.",
        advice: "Choose another one.", isBlocking: true)
    ]
  }
}
