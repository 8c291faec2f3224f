import Delivery
import Foundation
import PKI
import Rotation
import Testing

@testable import Demo

@Suite("The faults of the demo", .timeLimit(.minutes(2)))
struct FaultTests {
  private struct Setting: Sendable {
    let fleet: SampleFleet
    let faults: Faults
    let component: Component
    let access: TargetAccess
    let root: TestRoot

    var member: SampleMember { get throws { try fleet.member("Server") } }

    /// Replaces the certificate and the key as a delivery would.
    func replace() async throws {
      let child = try root.child(for: try member.sample)
      let files = component.files
      try await access.replace([
        FileChange(path: try #require(files.key), content: try child.key.pkcs8PEM(), mode: files.keyMode),
        FileChange(
          path: try #require(files.certificateChain), content: SecretBytes(utf8: child.chainPEM), mode: files.mode),
      ])
    }

    /// Replaces the trust bundle alone, as the update's step Trust does.
    func replaceBundle() async throws {
      let bundle = try #require(component.files.trustBundle)
      try await access.replace([FileChange(path: bundle, content: SecretBytes(utf8: root.pem), mode: 0o644)])
    }

    /// Runs the activation, and waits until a component that was told to reload has done with it.
    func activate() async throws -> CommandResult {
      guard case .command(let words) = component.activation.method else { throw SampleFailure("No command.") }
      let before = try member.state
      let result = try await access.run(words, .seconds(10))
      if result.isSuccess {
        await fleet.expect("The reload is dealt with") { members in
          members.contains { $0.state.loads > before.loads || $0.state.ignoredReloads > before.ignoredReloads }
        }
      }
      return result
    }
  }

  private func withComponent(_ body: (Setting) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let sample = Sample(name: "Server", slug: "server", description: "", stage: 1, peers: [])
    let fleet = SampleFleet(folder: folder.path, program: try rerootProgram(), samples: [sample])
    try await fleet.start()
    do {
      let member = try fleet.member("Server")
      let component = sample.component(in: member.place, port: try #require(member.port))
      let faults = Faults()
      let access = FaultyAccess(faults: faults, fleet: fleet).access(to: component, over: .local())
      let setting = Setting(
        fleet: fleet, faults: faults, component: component, access: access, root: try TestRoot("Root"))
      try await setting.replaceBundle()
      try await setting.replace()
      #expect(try await setting.activate().isSuccess)
      try await body(setting)
    } catch {
      await fleet.stop()
      throw error
    }
    await fleet.stop()
  }

  @Test("A deploy fails once as on a full disk, and leaves the files as they were")
  func deploy() async throws {
    try await withComponent { setting in
      let key = try #require(setting.component.files.key)
      let before = try Data(contentsOf: URL(fileURLWithPath: key))
      setting.faults.arm(.deploy, at: "Server")
      try await setting.replaceBundle()
      let failure = await #expect(throws: DeliveryFailure.self) { try await setting.replace() }
      #expect(failure?.code == "DISK_FULL")
      #expect(try Data(contentsOf: URL(fileURLWithPath: key)) == before)
      #expect(setting.faults.armed.isEmpty)
      try await setting.replace()
      #expect(try Data(contentsOf: URL(fileURLWithPath: key)) != before)
    }
  }

  @Test("An activation after a deploy fails once, with the command's own output")
  func activation() async throws {
    try await withComponent { setting in
      setting.faults.arm(.activation, at: "Server")
      try await setting.replaceBundle()
      #expect(try await setting.activate().isSuccess, "Trusting a root is not the activation that was meant")
      try await setting.replace()
      let before = try setting.member.state.fingerprint
      let failed = try await setting.activate()
      #expect(failed.end == .exited(1))
      #expect(failed.output.split(separator: "\n").count == 3)
      #expect(try setting.member.state.fingerprint == before)
      #expect(setting.faults.armed.isEmpty)
      #expect(try await setting.activate().isSuccess)
      #expect(try setting.member.state.fingerprint != before)
    }
  }

  @Test("An activation succeeds while the process goes on serving the former certificate, once")
  func verification() async throws {
    try await withComponent { setting in
      setting.faults.arm(.verification, at: "Server")
      try await setting.replace()
      let before = try setting.member.state.fingerprint
      #expect(try await setting.activate().isSuccess)
      #expect(try setting.member.state.fingerprint == before)
      #expect(setting.faults.armed.isEmpty)
      #expect(try await setting.activate().isSuccess)
      #expect(try setting.member.state.fingerprint != before)
    }
  }

  @Test("Two faults at one component come one after the other")
  func oneAfterTheOther() async throws {
    try await withComponent { setting in
      setting.faults.arm(.activation, at: "Server")
      setting.faults.arm(.verification, at: "Server")
      try await setting.replace()
      #expect(try await !setting.activate().isSuccess)
      let before = try setting.member.state.fingerprint
      #expect(try await setting.activate().isSuccess)
      #expect(try setting.member.state.fingerprint == before)
      #expect(setting.faults.armed.isEmpty)
    }
  }

  @Test("A cancelled fault does nothing", arguments: Fault.allCases)
  func cancelled(_ fault: Fault) async throws {
    try await withComponent { setting in
      setting.faults.arm(fault, at: "Server")
      #expect(setting.faults.armed == ["Server": [fault]])
      setting.faults.cancel(fault, at: "Server")
      let before = try setting.member.state.fingerprint
      try await setting.replace()
      #expect(try await setting.activate().isSuccess)
      #expect(try setting.member.state.fingerprint != before)
    }
  }

  @Test("A component outside of the sample system is left alone")
  func foreignComponent() async throws {
    try await withComponent { setting in
      let folder = try TemporaryFolder()
      let foreign = Component(
        id: Component.ID(rawValue: 9), name: "Server", names: [.dns("a.test")],
        files: FileLayout(certificateChain: "\(folder.path)/c", key: "\(folder.path)/k"))
      setting.faults.arm(.deploy, at: "Server")
      let access = FaultyAccess(faults: setting.faults, fleet: setting.fleet).access(to: foreign, over: .local())
      try await access.replace([FileChange(path: "\(folder.path)/k", content: SecretBytes(utf8: "k"), mode: 0o600)])
      #expect(setting.faults.armed == ["Server": [.deploy]])
    }
  }
}
