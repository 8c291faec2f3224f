import Delivery
import Foundation
import PKI
import Store
import Synchronization

/// The hardware modules that roots' keys may stay in.
public struct HardwareModules: Sendable {
  /// The libraries that may be loaded, as the command line names them. To load one is to run its code, so that no page can
  /// name another.
  public let libraries: [String]
  private let worker: ModuleWorker
  private let refused = RefusedPINs()
  /// One signature after the other: modules have few sessions. A thread of their own, so that one that hangs costs nobody
  /// else anything.
  private let threads = WorkThreads(count: 1, name: "hardware module")

  /// What the thread works for now.
  private let current = CurrentCall()

  private final class CurrentCall: Sendable {
    let call = Mutex<ModuleCall?>(nil)
  }

  /// - Parameters:
  ///   - libraries: absolute paths.
  ///   - worker: the program, and the words with which it carries out an order.
  ///   - limit: for one signature.
  public init(libraries: [String], worker: [String], limit: Duration = .seconds(20)) {
    self.libraries = libraries
    self.worker = ModuleWorker(worker, limit: limit)
  }

  /// For a console without any.
  public static let none = HardwareModules(libraries: [], worker: [])

  /// Runs something that waits for a module. Once its task is cancelled, it is not begun any more, and the module's process
  /// is killed: nothing is signed for an update that was aborted meanwhile, and the next in line need not wait for it.
  func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    let call = ModuleCall()
    return try await withTaskCancellationHandler {
      try await threads.run { [current] in
        try call.requireWanted()
        current.call.withLock { $0 = call }
        defer { current.call.withLock { $0 = nil } }
        return try work()
      }
    } onCancel: {
      call.cancel()
    }
  }

  /// The key of a root. Its check and signatures block, and belong on `run`'s thread. A PIN that the module has refused is
  /// not tried again by them.
  ///
  /// - Parameter isTyped: whether a person has typed the PIN just now, so that it is tried whatever was refused before.
  ///
  /// Throws `TOKEN_KEY_UNSUITED`, and `TOKEN_MODULE_NOT_ALLOWED` for a library that the command line does not name (any
  /// more).
  func key(
    _ module: ModuleReference, of root: Certificate, pin: SecretBytes, isTyped: Bool = false
  ) throws -> TokenKey {
    guard libraries.contains(module.library) else {
      throw PKIError(
        code: "TOKEN_MODULE_NOT_ALLOWED",
        sentence: "The hardware module \(module.library) may not be loaded. Start Reroot with --pkcs11-module "
          + "\(module.library).")
    }
    let (worker, refused, current) = (worker, refused, current)
    return try TokenKey(root: root) { mechanism, data in
      let order = TokenOrder(module: module.library, uri: module.uri, mechanism: mechanism, data: data)
      let answer = try refused.guarding(pin, of: module, isTyped: isTyped) {
        try worker.carryOut(order, pin: pin, for: current.call.withLock { $0 } ?? ModuleCall())
      }
      guard let signature = answer.signature else {
        throw PKIError(code: "TOKEN_FAILED", sentence: "The hardware module gave no signature. Try again.")
      }
      return signature
    }
  }
}
