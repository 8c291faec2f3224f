import Foundation
import GRDB
import PKI
import Rotation
import Synchronization
import Testing

@testable import Store

/// A clock that stands still until it is set.
final class TestClock: Sendable {
  private let moment = Mutex(Date(timeIntervalSince1970: 1_780_000_000))

  var now: Date { moment.withLock { $0 } }

  func advance(_ seconds: TimeInterval) {
    moment.withLock { $0 += seconds }
  }
}

/// A folder that is removed with the last reference to it.
final class TestFolder: Sendable {
  let base: String
  let path: String

  init() throws {
    base = NSTemporaryDirectory() + "reroot-store-" + UUID().uuidString
    path = base + "/data"
    try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: base) }

  /// The folder as a kill would leave it now.
  func copy() throws -> TestFolder {
    let copy = try TestFolder()
    try FileManager.default.copyItem(atPath: path, toPath: copy.path)
    return copy
  }

  func mode(_ name: String = "") throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
    return try #require(attributes[.posixPermissions] as? NSNumber).intValue
  }

  /// Every file below it with its bytes, and every folder.
  func contents() throws -> [String: Data?] {
    try FileManager.default.subpathsOfDirectory(atPath: path).reduce(into: [:]) { found, name in
      found[name] = .some(FileManager.default.contents(atPath: path + "/" + name))
    }
  }

  /// Changes the database behind the store's back.
  func sql(_ text: String) throws {
    try DatabaseQueue(path: path + "/reroot.sqlite").write { try $0.execute(sql: text) }
  }
}

/// A store in a folder of its own, with a few components and a plan's worth of surroundings.
struct TestSystem {
  let folder: TestFolder
  let clock = TestClock()
  let store: Store

  init() throws {
    folder = try TestFolder()
    store = try Store.open(folder: folder.path, clock: { [clock] in clock.now })
  }

  func importRoot(_ name: String) async throws -> (id: RootRecord.ID, identity: TestIdentity) {
    let identity = try TestIdentity.make(name)
    let id = try await store.importRoot(
      name: name, certificate: identity.certificate, key: identity.key, warnings: [], by: "ada")
    return (id, identity)
  }

  func addComponents(_ names: String...) async throws -> [Component] {
    var added: [Component] = []
    for name in names { added.append(try await store.addComponent(.sample(name))) }
    return added
  }

  func savePlan(
    _ root: RootRecord.ID, files: [Component.ID: [KeptFile]] = [:], madeAt: Date? = nil
  ) async throws -> Plan.ID {
    let record = try await store.root(root)
    let planned = PlannedRoot(
      id: root.rawValue, name: record.name, subject: record.certificate.subject,
      key: RootKey(record.certificate.fingerprint.hex), notBefore: record.certificate.notBefore,
      notAfter: record.certificate.notAfter)
    let components = try await store.components().map { component in
      PlannedComponent(component: component, findings: Findings(), actions: [], problems: [], notes: [])
    }
    let plan = Plan(
      root: planned, months: 12, childNotAfter: record.certificate.notAfter, policy: .stop, https: .existing,
      components: components, problems: [], refusals: [], estimatedSeconds: 1, madeAt: madeAt ?? clock.now)
    return try await store.savePlan(plan, files: files)
  }
}

extension Component {
  static func sample(_ name: String, stage: Int = 1) -> Component {
    Component(
      id: ID(rawValue: 0), name: name, stage: stage, names: [.dns("\(name).example")],
      files: FileLayout(certificateChain: "/etc/\(name).pem", key: "/etc/\(name).key", trustBundle: "/etc/ca.pem"))
  }
}

extension Course {
  static func of(_ components: [Component], parallel: Int = 8) -> Course {
    Course(
      members: components.map { Member(id: $0.id, name: $0.name, stage: $0.stage) }, root: RootKey("new"),
      policy: .stop, changesHTTPS: false, parallel: parallel)
  }
}

/// The code of the error that something throws; nil when it throws none.
func code(_ body: () async throws -> Void) async -> String? {
  do {
    try await body()
    return nil
  } catch let error as StoreError {
    return error.code
  } catch let error as PKIError {
    return error.code
  } catch {
    return "\(error)"
  }
}
