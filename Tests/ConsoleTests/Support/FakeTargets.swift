import Delivery
import Foundation
import PKI
import Rotation
import Synchronization

extension TargetFile {
  /// Its content as text.
  var text: String { content.withBytes { String(decoding: $0, as: UTF8.self) } }
}

/// The machines of the components: files in memory, a command that activates, and faults that happen when they are told to.
final class FakeTargets: Sendable {
  /// Where a fault strikes.
  enum Fault: String, Sendable, CaseIterable {
    case trust, deploy, activate, verify, restore
  }

  private struct State {
    var files: [String: TargetFile] = [:]
    var faults: [String: [Fault: Int]] = [:]
    var hasNewIdentity: Set<String> = []
    var isActivated: Set<String> = []
    var isRestoring: Set<String> = []
    var held: Set<String> = []
    var unreadable: Set<String> = []
    var leftovers: [String: Int] = [:]
    var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]
    var cancelled: Set<String> = []
    var log: [String] = []
    var onActivation: [String: @Sendable () -> Void] = [:]
    var output = "nginx: [emerg] cannot load certificate\n"
  }

  private let state: Mutex<State>

  /// - Parameter other: whose files are taken over as they are at this moment, without its faults.
  init(copyOf other: FakeTargets? = nil) {
    let files = other?.state.withLock { $0.files } ?? [:]
    state = Mutex(State(files: files))
  }

  /// What was done, one line each: `replace web key.pem cert.pem bundle.pem`, `run web`.
  var log: [String] { state.withLock { $0.log } }

  func file(_ path: String) -> TargetFile? { state.withLock { $0.files[path] } }

  func put(_ path: String, _ text: String, owner: UInt32 = 1000, group: UInt32 = 2000, mode: FileMode = 0o640) {
    let file = TargetFile(content: SecretBytes(utf8: text), owner: owner, group: group, mode: mode)
    state.withLock { $0.files[path] = file }
  }

  func put(_ path: String, bytes: [UInt8], mode: FileMode = 0o640) {
    let file = TargetFile(content: SecretBytes(bytes), owner: 1000, group: 2000, mode: mode)
    state.withLock { $0.files[path] = file }
  }

  func remove(_ path: String) { state.withLock { $0.files[path] = nil } }

  /// Every file with its bytes, owner, group and mode, to be compared.
  var snapshot: [String: String] {
    state.withLock { state in
      state.files.mapValues { file in
        "\(file.owner):\(file.group) \(file.mode) " + file.content.withBytes { String(decoding: $0, as: UTF8.self) }
      }
    }
  }

  /// Lets a step of a component fail so many times; Int.max is always, 0 not any more.
  func arm(_ fault: Fault, at component: String, times: Int = 1) {
    state.withLock { $0.faults[component, default: [:]][fault] = times }
  }

  func disarm() { state.withLock { $0.faults = [:] } }

  /// From now on a file cannot be read, or can be again.
  func setReadable(_ isReadable: Bool, _ path: String) {
    state.withLock { if isReadable { $0.unreadable.remove(path) } else { $0.unreadable.insert(path) } }
  }

  /// What a command writes that fails.
  func setOutput(_ text: String) { state.withLock { $0.output = text } }

  /// Does something whenever the component's command runs and succeeds, such as making a listener reload.
  func onActivation(of component: String, _ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.onActivation[component] = body }
  }

  /// Holds the next commands of a component, readings of a path, or what puts all its files right after a crash
  /// (`recover NAME`), until they are let go.
  func hold(_ component: String) { state.withLock { _ = $0.held.insert(component) } }

  func letGo(_ component: String) {
    let waiting = state.withLock { state in
      state.held.remove(component)
      return state.waiting.removeValue(forKey: component) ?? []
    }
    for continuation in waiting { continuation.resume() }
  }

  func isHeld(_ component: String) -> Bool { state.withLock { $0.waiting[component]?.isEmpty == false } }

  /// Whether a command of the component was told to end.
  func wasCancelled(_ component: String) -> Bool { state.withLock { $0.cancelled.contains(component) } }

  func access(to component: Component) -> TargetAccess {
    let name = component.name
    return TargetAccess(
      read: { path in
        await self.wait(at: path)
        return try self.read(path, of: component)
      },
      replace: { changes in try self.replace(changes, of: component) },
      checkWritable: { _ in },
      run: { words, _ in await self.run(words, of: name) },
      signal: { _, _ in },
      recover: { paths in
        guard paths.count == component.files.paths.count else { return [] }
        await self.wait(at: "recover \(name)")
        try self.clearAway(name)
        return []
      }
    )
  }

  /// What puts all files of a component right fails so often, with something left beside them.
  func leave(at component: String, times: Int) { state.withLock { $0.leftovers[component] = times } }

  /// Whether nothing is left beside the files of a component.
  func isCleared(_ component: String) -> Bool { state.withLock { $0.leftovers[component] == nil } }

  private func clearAway(_ component: String) throws {
    try state.withLock { state in
      guard let left = state.leftovers[component] else { return }
      state.leftovers[component] = left > 0 ? left - 1 : nil
      guard left == 0 else {
        throw DeliveryFailure(code: "IO_FAILED", sentence: "The disk of \(component) is broken.", advice: "Wait.")
      }
    }
  }

  private func strikes(_ fault: Fault, _ component: String, _ state: inout State) -> Bool {
    guard let left = state.faults[component]?[fault], left > 0 else { return false }
    if left != .max { state.faults[component]?[fault] = left - 1 }
    return true
  }

  private func read(_ path: String, of component: Component) throws -> TargetFile? {
    try state.withLock { state in
      if state.unreadable.contains(path) {
        throw DeliveryFailure(code: "HOST_GONE", sentence: "The host of \(path) does not answer.", advice: "Wait.")
      }
      let isChain = path == component.files.certificateChain
      if isChain, state.isActivated.contains(component.name), strikes(.verify, component.name, &state) {
        throw DeliveryFailure(
          code: "READ_FAILED", sentence: "Reading \(path) failed: Input/output error.", advice: "Look at the disk.")
      }
      return state.files[path]
    }
  }

  private func replace(_ changes: [FileChange], of component: Component) throws {
    try state.withLock { state in
      let name = component.name
      let isIdentity = changes.contains { $0.path == component.files.key || $0.path == component.files.combined }
      state.log.append(
        "replace \(name) " + changes.map { ($0.path as NSString).lastPathComponent }.joined(separator: " "))
      let isBack = changes.contains { $0.owner.flatMap { UInt32($0) } != nil }
      let fault: Fault = isBack ? .restore : isIdentity ? .deploy : .trust
      if strikes(fault, name, &state) {
        throw DeliveryFailure(
          code: "DISK_FULL", sentence: "Writing \(changes[0].path) failed: the disk is full.", advice: "Make room.")
      }
      for change in changes {
        let found = state.files[change.path]
        state.files[change.path] = change.content.map { content in
          TargetFile(
            content: content, owner: change.owner.flatMap { UInt32($0) } ?? found?.owner ?? 0,
            group: change.group.flatMap { UInt32($0) } ?? found?.group ?? 0, mode: change.mode)
        }
      }
      state.isActivated.remove(name)
      if isIdentity, !isBack { state.hasNewIdentity.insert(name) } else { state.hasNewIdentity.remove(name) }
    }
  }

  private func wait(at name: String) async {
    await withCheckedContinuation { continuation in
      let goesOn = state.withLock { state in
        guard state.held.contains(name) else { return true }
        state.waiting[name, default: []].append(continuation)
        return false
      }
      if goesOn { continuation.resume() }
    }
  }

  private func run(_ words: [String], of name: String) async -> CommandResult {
    await withTaskCancellationHandler {
      await wait(at: name)
    } onCancel: {
      state.withLock { _ = $0.cancelled.insert(name) }
    }
    let (result, after) = state.withLock { state -> (CommandResult, (@Sendable () -> Void)?) in
      state.log.append("run \(name)")
      let isNew = state.hasNewIdentity.contains(name)
      if isNew, strikes(.activate, name, &state) {
        return (CommandResult(end: .exited(1), output: state.output), nil)
      }
      if isNew { state.isActivated.insert(name) }
      return (CommandResult(end: .exited(0), output: ""), state.onActivation[name])
    }
    after?()
    return result
  }
}
