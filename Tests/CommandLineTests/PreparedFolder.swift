import Foundation
import PKI
import Rotation
import Testing

@testable import Store

/// A data folder with an administrator who is signed in and an update that waits for a decision.
struct PreparedFolder {
  let cookie: String
  let update: UpdateRecord.ID

  init(_ folder: String) async throws {
    let store = try Store.open(folder: folder)
    let user = try await store.addFirstAdministrator(
      name: "ada", hash: try PasswordHash.make(SecretBytes(utf8: "correct horse battery")))
    cookie = "__Host-reroot=" + (try await store.createSession(user))
    let root = try RootMaker.makeRoot(
      commonName: "R", algorithm: .ecdsaP256, notBefore: Date() - 60, notAfter: Date() + 400 * 86_400)
    let id = try await store.importRoot(
      name: "R", certificate: root.chain[0], key: root.key, warnings: [], by: "ada")
    let component = try await store.addComponent(
      Component(
        id: Component.ID(rawValue: 0), name: "a", names: [.dns("a.example")],
        files: FileLayout(certificateChain: "/nowhere/a/c", key: "/nowhere/a/k")))
    let planned = PlannedComponent(component: component, findings: Findings(), actions: [], problems: [], notes: [])
    let plan = Plan(
      root: PlannedRoot(
        id: id.rawValue, name: "R", subject: root.chain[0].subject, key: RootKey(root.chain[0].fingerprint.hex),
        notBefore: root.chain[0].notBefore, notAfter: root.chain[0].notAfter),
      months: 1, childNotAfter: Date() + 30 * 86_400, policy: .stop, https: .existing, components: [planned],
      problems: [], refusals: [], estimatedSeconds: 1, madeAt: Date())
    let planID = try await store.savePlan(plan, files: [:])
    let started = try await store.startUpdate(plan: planID, course: plan.course(parallel: 1), by: "ada", worker: "w")
    update = started.update.id
    let failure = Failure(code: "BROKEN", sentence: "It broke.", advice: "Mend it.")
    _ = try await store.advance(
      update, [.actionFailed(ActionID(.generate, component.id), attempt: 1, failure)], worker: "w")
    try store.close()
  }
}

/// An event stream that curl reads into a file.
final class CurlStream: Sendable {
  private let path: String
  // Only its termination status is asked for, on the queue that waits for it.
  private nonisolated(unsafe) let process = Process()

  init(_ address: String, cookie: String, in folder: TemporaryFolder) throws {
    path = try folder.write("", to: "stream")
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    // The certificate is the console's own; what is sent here is worth nothing to anybody.
    process.arguments = ["curl", "-sN", "--max-time", "30", "-k", "-H", "Cookie: \(cookie)", "-o", path, address]
    try process.run()
  }

  func waitsForMessage() async throws {
    let end = ContinuousClock.now + .seconds(20)
    while try !String(contentsOfFile: path, encoding: .utf8).contains("\n\n") {
      try #require(ContinuousClock.now < end && process.isRunning)
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func end() async -> Int32 {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "curl").async { [process] in
        process.waitUntilExit()
        continuation.resume(returning: process.terminationStatus)
      }
    }
  }
}
