import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

/// Makes the keys of a plan's components while the plan is read, on cores that nobody else wants, so that an update need not
/// wait for them: making an RSA key takes a hundred times as long as signing its certificate.
actor EarlyKeyMaker {
  private let store: Store
  private let logger: Logger
  private let threads = WorkThreads(
    count: ProcessInfo.processInfo.activeProcessorCount, name: "early keys", priority: .idle)
  private var making: Task<Void, Never>?

  init(store: Store, logger: Logger) {
    self.store = store
    self.logger = logger
  }

  /// Begins with the keys of a plan. What is made for an earlier one meanwhile ends: whoever makes a new plan reads that.
  func begin(_ id: Plan.ID) {
    end()
    making = Task { await make(id) }
  }

  /// Makes no more: an update begins, whose own keys the cores are for, or the program ends. A key that is being made is
  /// thrown away.
  func end() {
    making?.cancel()
    making = nil
  }

  /// Waits until every key is made. For tests.
  func finished() async { await making?.value }

  private func make(_ id: Plan.ID) async {
    do {
      let plan = try await store.plan(id)
      guard !plan.isBlocked else { return }
      let components = plan.withSlowKeys
      try await withThrowingTaskGroup(of: Void.self) { group in
        var waiting = components.makeIterator()
        for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
          guard let component = waiting.next() else { break }
          group.addTask { try await self.make(component, id) }
        }
        while try await group.next() != nil {
          if let component = waiting.next() { group.addTask { try await self.make(component, id) } }
        }
      }
    } catch is CancellationError {
      return
    } catch {
      // The update makes them itself.
      logger.warning("keys not made ahead", metadata: ["plan": "\(id)", "reason": "\(error)"])
    }
  }

  private func make(_ component: Component, _ plan: Plan.ID) async throws {
    try Task.checkCancellation()
    let key = try await threads.run { try PrivateKey.generate(component.key.algorithm) }
    try Task.checkCancellation()
    try await store.keepEarlyKey(try key.pkcs8PEM(), component.key, of: component.id, plan: plan)
  }
}

extension Plan {
  /// The components for which Reroot makes a key that takes long to be made.
  var withSlowKeys: [Component] {
    guard retires == nil else { return [] }
    return components.map(\.component).filter { !$0.keepsKey && $0.key.takesLong }
  }
}

extension KeyKind {
  /// Whether a key takes long to be made: an RSA key a tenth of a second and more, an elliptic one less than it takes to keep
  /// it and to find it again.
  var takesLong: Bool {
    switch self {
    case .rsa2048, .rsa3072, .rsa4096: true
    case .ecdsaP256, .ecdsaP384, .ed25519: false
    }
  }
}
