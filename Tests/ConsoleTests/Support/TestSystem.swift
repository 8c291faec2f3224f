import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

/// A console with a few components that all have certificates of an old root, and a new root to update to.
struct TestSystem {
  let console: TestConsole
  let browser: Browser
  let old: TestRoot
  let new: TestRoot
  let newID: RootRecord.ID
  var components: [Component]

  var store: Store { console.store }
  var targets: FakeTargets { console.targets }

  /// - Parameter importsOld: whether the old root is known to the store, or only to the bundles.
  init(_ console: TestConsole, names: [String] = ["web", "broker"], importsOld: Bool = true) async throws {
    self.console = console
    browser = try await console.browser()
    old = try TestRoot("Old root")
    new = try TestRoot("New root")
    if importsOld { _ = try await Self.add(old, "Old root", to: console.store) }
    newID = try await Self.add(new, "New root", to: console.store)
    components = []
    for (index, name) in names.enumerated() {
      try Self.placeFiles(name, old, in: console.targets, number: UInt32(index))
      components.append(try await console.store.addComponent(Self.component(name, stage: index + 1)))
    }
  }

  static func add(_ root: TestRoot, _ name: String, to store: Store) async throws -> RootRecord.ID {
    try await store.importRoot(
      name: name, certificate: root.certificate, key: root.identity.key, warnings: [], by: "ada")
  }

  static func component(_ name: String, stage: Int = 1, endpoints: [Endpoint] = []) -> Component {
    Component(
      id: Component.ID(rawValue: 0), name: name, stage: stage, names: [.dns("\(name).example"), .ip("127.0.0.1")],
      usage: .both,
      files: FileLayout(
        certificateChain: "/srv/\(name)/cert.pem", key: "/srv/\(name)/key.pem", trustBundle: "/srv/\(name)/bundle.pem"),
      activation: Activation(method: .command(["/bin/activate", name]), timeLimit: 5), endpoints: endpoints,
      verificationTimeLimit: 1)
  }

  static func placeFiles(_ name: String, _ root: TestRoot, in targets: FakeTargets, number: UInt32) throws {
    let child = try root.child(["\(name).example", "127.0.0.1"])
    targets.put("/srv/\(name)/cert.pem", child.chainPEM, owner: 100 + number, group: 200 + number, mode: 0o644)
    targets.put("/srv/\(name)/key.pem", try child.keyPEM, owner: 100 + number, group: 200 + number, mode: 0o400)
    targets.put("/srv/\(name)/bundle.pem", root.identity.chainPEM, owner: 0, group: 200 + number, mode: 0o664)
  }

  func id(_ name: String) throws -> Component.ID { try #require(components.first { $0.name == name }).id }

  /// Makes a plan over the form, and returns its page.
  func plan(policy: FailurePolicy = .stop, https: String = "existing", root: RootRecord.ID? = nil) async throws
    -> Answer
  {
    let form = try await browser.get("/roots/\(root ?? newID)/update")
    return try await browser.follow(
      browser.submit(form, "/plans", ["months": "12", "https": https, "policy": policy.rawValue]))
  }

  /// Plans and starts over the pages, and returns the number of the update.
  func start(policy: FailurePolicy = .stop, https: String = "existing", root: RootRecord.ID? = nil) async throws
    -> UpdateRecord.ID
  {
    let started = try await browser.submit(plan(policy: policy, https: https, root: root), "/updates")
    let location = try #require(started.location, "\(started.text)")
    return UpdateRecord.ID(rawValue: try #require(Int64(location.split(separator: "/").last ?? "")))
  }

  /// Waits until nothing goes on by itself any more: a question, or the end.
  @discardableResult
  func settled(_ id: UpdateRecord.ID) async throws -> UpdateState {
    var state = try await store.state(id)
    try await eventually("The update comes to rest") {
      state = try await store.state(id)
      return (state.standing == .deciding || state.outcome != nil) && state.actionsInFlight.isEmpty
    }
    return state
  }

  /// Presses a button of the page as it is now, and waits for what comes of it.
  @discardableResult
  func decide(_ id: UpdateRecord.ID, _ kind: Decision.Kind) async throws -> UpdateState {
    let answer = try await press(id, kind)
    #expect(answer.status == 303, "\(answer.text)")
    return try await settled(id)
  }

  /// Presses the Retry beside one failure of an update that has ended, and waits for what comes of it.
  func retry(_ id: UpdateRecord.ID, _ action: ActionID) async throws -> UpdateState {
    let page = try await browser.get("/updates/\(id)")
    let form = try #require(PageForm.all(page.html).first { $0.value("action") == "\(action)" }, "\(page.text)")
    #expect(form.value("decision") == "retry")
    #expect(try await browser.post(form.action, form.fields.map { ($0.name, $0.value) }).status == 303)
    return try await settled(id)
  }

  /// What is said where a reason is asked.
  static let reason = "The gateway is being replaced."

  func press(_ id: UpdateRecord.ID, _ kind: Decision.Kind, question: Int? = nil) async throws -> Answer {
    let page = try await browser.get("/updates/\(id)")
    let forms = PageForm.all(page.html).filter { $0.action == "/updates/\(id)/decisions" }
    let form = try #require(
      forms.first { $0.value("decision") == kind.rawValue && $0.value("action") == nil },
      "\(kind) is offered: \(page.text)")
    var fields = form.fields.map { ($0.name, $0.value) }
    fields = fields.map { $0.0 == "reason" ? ("reason", Self.reason) : $0 }
    if let question { fields = fields.map { $0.0 == "question" ? ("question", "\(question)") : $0 } }
    return try await browser.post(form.action, fields)
  }

  /// The roots in a component's bundle by their common names.
  func bundle(_ name: String) throws -> [String] {
    let file = try #require(targets.file("/srv/\(name)/bundle.pem"))
    let text = file.content.withBytes { String(decoding: $0, as: UTF8.self) }
    return try Certificate.parse(pem: text).map { $0.commonName ?? "" }
  }

  /// The common name of the root that a component's certificate on disk is from.
  func issuer(_ name: String) throws -> String {
    let file = try #require(targets.file("/srv/\(name)/cert.pem"))
    let text = file.content.withBytes { String(decoding: $0, as: UTF8.self) }
    let leaf = try #require(try Certificate.parse(pem: text).first)
    return try #require([old, new].first { leaf.isSigned(by: $0.certificate) }?.certificate.commonName)
  }

  /// Everything that was journaled, in words.
  func journal(_ id: UpdateRecord.ID) async throws -> [String] {
    let names = Dictionary(components.map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    return try await store.journal(id, after: 0, limit: 1000).map { entry in
      entry.words { $0.flatMap { names[$0] } ?? "the console" }
    }
  }
}

/// Runs a test with such a system.
func withSystem(
  _ names: [String] = ["web", "broker"], importsOld: Bool = true, _ body: (TestSystem) async throws -> Void
) async throws {
  try await withConsole { console in
    try await body(try await TestSystem(console, names: names, importsOld: importsOld))
  }
}
