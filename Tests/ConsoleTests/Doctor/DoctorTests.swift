import Delivery
import Foundation
import GRDB
import Glibc
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

/// A data folder of which everything is as it should be: a root in force, and a component with real files and a real
/// listener. The store stays open, as under a server.
struct DoctorSample {
  let folder: TemporaryFolder
  let store: Store
  let listener: TestListener
  let now = Date()
  let component: Component
  var surroundings = DoctorSurroundings()

  var data: String { folder.path + "/data" }

  init(rootDays: Double = 1000) async throws {
    folder = try TemporaryFolder()
    store = try Store.open(folder: folder.path + "/data")
    listener = try TestListener()
    let root = try RootMaker.makeRoot(
      commonName: "Root", algorithm: .ecdsaP256, notBefore: now - 86_400, notAfter: now + rootDays * 86_400)
    let id = try await store.importRoot(
      name: "Root", certificate: root.chain[0], key: root.key, warnings: [], by: "ada")
    let child = try Self.child(of: root, days: min(rootDays, 300), now)
    listener.load(child)
    for name in ["certs", "keys"] {
      try FileManager.default.createDirectory(atPath: folder.path + "/" + name, withIntermediateDirectories: false)
    }
    let files = FileLayout(certificateChain: folder.path + "/certs/cert.pem", key: folder.path + "/keys/key.pem")
    try Data(child.chainPEM.utf8).write(to: URL(fileURLWithPath: folder.path + "/certs/cert.pem"))
    try Data(child.keyPEM.utf8).write(to: URL(fileURLWithPath: folder.path + "/keys/key.pem"))
    component = try await store.addComponent(
      Component(
        id: Component.ID(rawValue: 0), name: "web", names: [.ip("127.0.0.1")], files: files,
        endpoints: [Endpoint(host: "127.0.0.1", port: listener.port)], verificationTimeLimit: 2))
    let leaf = child.chain[0]
    try await store.recordFirstSet(
      root: id,
      members: [
        component.id: CertificateSet.Member(
          root: id, fingerprint: leaf.fingerprint.hex, serial: leaf.serialNumber, notAfter: leaf.notAfter)
      ])
    try await serve(days: 700)
    let now = now
    surroundings.clock = { now }
    surroundings.freeBytes = { FreeSpace(bytes: 1 << 40, device: $0.contains("/data") ? 1 : 2) }
    surroundings.versions.sqlite = "3.40.1"
  }

  static func child(of root: Identity, days: Double, _ now: Date) throws -> Identity {
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = ChildRequest(
      names: [try AlternativeName(parsing: "127.0.0.1")], usage: .both, publicKeyOf: key, serialNumber: .random(),
      notBefore: now - 3600, notAfter: now + days * 86_400)
    let checked = try CheckedRequest(request, root: root.chain[0], now: now)
    return Identity(chain: [try Issuer(root: root.chain[0], key: root.key).sign(checked)], key: key)
  }

  /// Gives the console a certificate of its own.
  func serve(days: Double) async throws {
    let own = try SelfSigned.consoleIdentity(
      names: [.dns("localhost")], notBefore: now - 3600, notAfter: now + days * 86_400)
    try await store.setHTTPS(.own, chain: own.chain, key: try own.key.pkcs8PEM(), update: nil)
  }

  func sql(_ text: String) async throws { try await store.write { try $0.execute(sql: text) } }

  func examine() async -> DoctorReport { await Doctor(folder: data, surroundings: surroundings).examine() }

  func stop() throws {
    listener.stop()
    try store.close()
  }
}

@Suite("The doctor", .timeLimit(.minutes(3))) struct DoctorTests {
  /// Breaks one thing in a sample where all is well, and gives back the checks that are not as before.
  private func changed(
    _ breaking: (inout DoctorSample) async throws -> Void
  ) async throws -> [String: DoctorCheck.State?] {
    var sample = try await DoctorSample()
    defer { try? sample.stop() }
    let before = await sample.examine()
    #expect(before.state == .ok, "\(before.text)")
    try await breaking(&sample)
    let after = await sample.examine()
    var changed: [String: DoctorCheck.State?] = [:]
    for name in Set((before.checks + after.checks).map(\.name)) {
      let (one, other) = (before.checks.first { $0.name == name }, after.checks.first { $0.name == name })
      // What is well may count otherwise than before: the log of the database grows with every write.
      guard one?.state != other?.state || one?.advice != other?.advice else { continue }
      changed[name] = .some(other?.state)
      if other?.state != .ok, let other { #expect(other.advice?.isEmpty == false, "\(other)") }
    }
    return changed.reduce(into: [:]) { result, entry in
      // Ports are others each time.
      result[entry.key.hasPrefix("endpoint") ? "endpoint" : entry.key] = entry.value
    }
  }

  @Test("When all is well there is one line a check, and the status is 0")
  func well() async throws {
    let sample = try await DoctorSample()
    let report = await sample.examine()
    #expect(report.status == 0, "\(report.text)")
    #expect(report.text.split(separator: "\n").allSatisfy { $0.hasPrefix("OK    ") })
    #expect(
      report.checks.map(\.name) == [
        "data folder", "versions", "space of the data folder", "database", "schema", "size", "master key", "seals",
        "clock", "root “Root”", "certificate of the console", "certificate of “web”", "space of targets",
        "target of “web”", "endpoint 127.0.0.1:\(sample.listener.port) of “web”",
      ])
    struct Whole: Decodable {
      let checks: [DoctorCheck]
      let state: String
    }
    let json = try JSONDecoder().decode(Whole.self, from: Data(try report.json().utf8))
    #expect(json.checks == report.checks && json.state == "OK")
    try sample.stop()
  }

  @Test("The folder: its mode, and that of a file in it")
  func folder() async throws {
    #expect(try await changed { chmod($0.data, 0o777) } == ["data folder": .fail])
    #expect(try await changed { chmod($0.data + "/reroot.sqlite", 0o640) } == ["data folder": .fail])
  }

  @Test("The libraries")
  func versions() async throws {
    #expect(try await changed { $0.surroundings.versions.sqlite = "3.36.0" } == ["versions": .fail])
    #expect(
      try await changed { $0.surroundings.versions.openSSLRefusal = "Too old." } == ["versions": .fail])
  }

  @Test("The room on each file system, in bytes and in files")
  func space() async throws {
    func room(_ device: UInt64, _ bytes: Int, files: Int? = nil) -> @Sendable (String) -> FreeSpace? {
      { path in
        let own: UInt64 = path.contains("/data") ? 1 : 2
        return FreeSpace(bytes: own == device ? bytes : 1 << 40, files: own == device ? files : nil, device: own)
      }
    }
    let data = "space of the data folder"
    #expect(try await changed { $0.surroundings.freeBytes = room(1, 200 << 20) } == [data: .warn])
    #expect(try await changed { $0.surroundings.freeBytes = room(1, 1 << 20) } == [data: .fail])
    #expect(try await changed { $0.surroundings.freeBytes = room(1, 1 << 40, files: 3) } == [data: .fail])
    #expect(try await changed { $0.surroundings.freeBytes = room(2, 2 << 20) } == ["space of targets": .warn])
    #expect(try await changed { $0.surroundings.freeBytes = room(2, 1 << 10) } == ["space of targets": .fail])
  }

  @Test("The database: whole, of this version, not too large a log")
  func database() async throws {
    // A column that must have a value where there is none, as only a damaged file has it.
    let damaged = try await changed {
      try await $0.sql(
        """
        PRAGMA writable_schema = ON;
        UPDATE sqlite_master SET sql = replace(sql, 'value TEXT,', 'value TEXT NOT NULL,') WHERE name = 'settings';
        PRAGMA writable_schema = OFF
        """)
    }
    #expect(damaged["database"] == .fail)
    #expect(
      try await changed {
        try await $0.sql("DELETE FROM grdb_migrations WHERE rowid = (SELECT max(rowid) FROM grdb_migrations)")
      } == ["schema": .warn])
    let newer = try await changed { try await $0.sql("INSERT INTO grdb_migrations VALUES ('99.0')") }
    #expect(newer["schema"] == .fail)
    #expect(try await changed { $0.surroundings.largestLog = 0 } == ["size": .warn])
  }

  @Test("The master key: there, its owner's alone, the right one; without it the secrets cannot be tried")
  func masterKey() async throws {
    let changes: [(inout DoctorSample) async throws -> Void] = [
      { chmod($0.data + "/master.key", 0o644) }, { unlink($0.data + "/master.key") },
      { sample in
        try Store.open(folder: sample.folder.path + "/other").close()
        rename(sample.folder.path + "/other/master.key", sample.data + "/master.key")
      },
    ]
    for change in changes {
      #expect(try await changed(change) == ["master key": .fail, "seals": .none])
    }
  }

  @Test("A secret that does not open is named")
  func seals() async throws {
    let sample = try await DoctorSample()
    try await sample.sql("UPDATE roots SET sealed_key = zeroblob(60)")
    let check = try #require(await sample.examine().checks.first { $0.name == "seals" })
    #expect(check.sentence == "1 secret does not open: roots/sealed_key/1.")
    try sample.stop()
    #expect(try await changed { try await $0.sql("UPDATE roots SET sealed_key = zeroblob(60)") } == ["seals": .fail])
  }

  @Test("The clock: behind the newest record, behind the file system, and every certificate ended at once")
  func clock() async throws {
    func issuance(_ days: Int) -> (inout DoctorSample) async throws -> Void {
      { sample in
        let at = Int64((sample.now.timeIntervalSince1970 + Double(days) * 86_400) * 1000)
        try await sample.sql(
          """
          INSERT INTO issuances (root, serial, names, begun_at) VALUES (1, '\(days)', '[]', \(at))
          """)
      }
    }
    #expect(try await changed(issuance(1)) == ["clock": .fail])
    // A clock that was ahead and was set right is believed from the next thing on that is written down.
    #expect(
      try await changed { sample in
        try await issuance(1)(&sample)
        try await issuance(-1)(&sample)
      } == [:])
    #expect(
      try await changed { sample in
        let day = timeval(tv_sec: Int(sample.now.timeIntervalSince1970) + 86_400, tv_usec: 0)
        utimes(sample.data + "/reroot.lock", [day, day])
      } == ["clock": .fail])
    let ended = try await changed { sample in
      let later = sample.now + 800 * 86_400
      sample.surroundings.clock = { later }
    }
    #expect(ended["clock and certificates"] == .warn)
  }

  @Test("The ends of certificates, in days")
  func expiry() async throws {
    let soon = "UPDATE set_members SET not_after = not_after - 290 * 86400000"
    #expect(try await changed { try await $0.sql(soon) } == ["certificate of “web”": .warn])
    let past = "UPDATE set_members SET not_after = not_after - 301 * 86400000"
    #expect(try await changed { try await $0.sql(past) } == ["certificate of “web”": .fail])
    #expect(try await changed { try await $0.serve(days: 5) } == ["certificate of the console": .warn])
    #expect(try await changed { try await $0.serve(days: -0.01) } == ["certificate of the console": .fail])
    for (days, limit, state) in [
      (29.5, nil, DoctorCheck.State.warn), (30.5, nil, .ok), (44.5, 45, .warn), (45.5, 45, .ok),
    ] {
      let sample = try await DoctorSample(rootDays: days)
      if let limit { try await sample.store.set("expiry_days", to: "\(limit)") }
      let report = await sample.examine()
      #expect(report.checks.first { $0.name == "root “Root”" }?.state == state)
      // The certificate of “web” ends with its root.
      #expect(report.checks.filter { $0.state != .ok }.count == (state == .ok ? 0 : 2), "\(report.text)")
      try sample.stop()
    }
  }

  @Test("A target: its folders there and writable, its files there, itself reachable")
  func targets() async throws {
    let name = "target of “web”"
    #expect(try await changed { try FileManager.default.removeItem(atPath: $0.folder.path + "/keys") } == [name: .fail])
    #expect(try await changed { unlink($0.folder.path + "/certs/cert.pem") } == [name: .fail])
    func access(_ change: @escaping @Sendable (inout TargetAccess) -> Void) -> @Sendable (Component) -> TargetAccess {
      { _ in
        var access = TargetAccess.local()
        change(&access)
        return access
      }
    }
    let readOnly = access { access in
      let run = access.run
      access.run = { words, limit in
        words.contains("-w") ? CommandResult(end: .exited(1), output: "") : try await run(words, limit)
      }
    }
    #expect(try await changed { $0.surroundings.access = readOnly } == [name: .fail])
    let gone = access { access in
      access.run = { _, _ in throw DeliveryFailure(code: "HOST_GONE", sentence: "It does not answer.", advice: "Wait.")
      }
    }
    #expect(try await changed { $0.surroundings.access = gone } == [name: .fail])
  }

  @Test("An endpoint that does not answer, and one that serves something else")
  func endpoints() async throws {
    #expect(try await changed { $0.listener.stop() } == ["endpoint": .fail])
    #expect(
      try await changed { sample in
        let other = try RootMaker.makeRoot(
          commonName: "Other", algorithm: .ecdsaP256, notBefore: sample.now - 60, notAfter: sample.now + 86_400)
        sample.listener.load(other)
      } == ["endpoint": .fail])
  }

  @Test("A restore that nobody has confirmed, and one that was cut short")
  func restores() async throws {
    #expect(
      try await changed {
        try await $0.sql("INSERT INTO restorations (restored_at, backup_made_at, last_update) VALUES (1, 1, 0)")
      } == ["restored": .warn])
    let cut = try await changed { mkdir($0.data + "/restore.ready", 0o700) }
    #expect(cut["restore"] == .fail)
  }

  @Test("Nothing is written, whether a server runs or not; what is not there is a sentence")
  func untouched() async throws {
    let sample = try await DoctorSample()
    func state() throws -> [String: Data] {
      var found: [String: Data] = [:]
      for path in try FileManager.default.subpathsOfDirectory(atPath: sample.folder.path) {
        found[path] = (try? Data(contentsOf: URL(fileURLWithPath: sample.folder.path + "/" + path))) ?? Data()
      }
      // SQLite's note of who reads what.
      found["data/reroot.sqlite-shm"] = found["data/reroot.sqlite-shm"].map { _ in Data() }
      return found
    }
    let running = try state()
    #expect(await sample.examine().status == 0)
    #expect(try state() == running)
    try sample.store.close()
    let stopped = try state()
    #expect(await sample.examine().status == 0)
    #expect(try state() == stopped)
    sample.listener.stop()
    let nothing = await Doctor(folder: sample.folder.path + "/nothing").examine()
    #expect(nothing.status == 2)
    #expect(nothing.checks.last?.sentence.contains("There is no database of Reroot") == true)
  }
}
