import Foundation
import PKI
import Testing

@testable import Demo

@Suite("The sample components", .timeLimit(.minutes(2)))
struct SampleComponentTests {
  static let three = [
    Sample(name: "Server", slug: "server", description: "", stage: 1, peers: ["Broker", "Adapter"]),
    Sample(name: "Broker", slug: "broker", description: "", stage: 1, peers: ["Server"]),
    Sample(name: "Adapter", slug: "adapter", description: "", stage: 1, isCombined: true, peers: ["Server", "Broker"]),
  ]

  /// Runs a test against three components that call each other under one root.
  private func withSystem(_ body: (SampleFleet, TestRoot) async throws -> Void) async throws {
    let folder = try TemporaryFolder()
    let fleet = SampleFleet(folder: folder.path, program: try rerootProgram(), samples: Self.three)
    let root = try TestRoot("Old root")
    try await fleet.start()
    do {
      // Without files none of them can begin, which each says once it is there.
      await fleet.expect("Everybody has looked for its files") { members in
        members.allSatisfy { $0.state.reloadFailure != nil }
      }
      for member in fleet.members {
        try trust([root], at: member)
        try root.deploy(to: member)
        try await fleet.reload(member.name)
      }
      try fleet.begin()
      await fleet.moreCalls()
      #expect(fleet.refused == 0)
      try await body(fleet, root)
    } catch {
      await fleet.stop()
      throw error
    }
    await fleet.stop()
    #expect(fleet.members.allSatisfy { $0.status == .ended("ended with status 0") })
  }

  @Test("A component that reloads under continuous calls refuses nobody and is refused by nobody")
  func reloadsUnderLoad() async throws {
    try await withSystem { fleet, root in
      for _ in 0..<5 {
        for member in fleet.members {
          let before = try fleet.member(member.name).state.fingerprint
          try root.deploy(to: member)
          try await fleet.reload(member.name)
          #expect(try fleet.member(member.name).state.fingerprint != before)
        }
      }
      await fleet.moreCalls()
      #expect(fleet.refused == 0)
      #expect(fleet.members.allSatisfy { $0.state.calls.allSatisfy { $0.accepted > 0 } })
    }
  }

  @Test("Broken or mismatching files leave the certificate in use in place, and the component says why")
  func keepsOldIdentity() async throws {
    try await withSystem { fleet, root in
      for (member, spoil) in try breakages(fleet, root) {
        let before = try fleet.member(member.name).state
        try spoil()
        try await fleet.reload(member.name)
        let after = try fleet.member(member.name)
        #expect(after.state.fingerprint == before.fingerprint)
        #expect(after.state.loads == before.loads)
        #expect(after.state.reloadFailure != nil)
        #expect(after.said.last?.hasPrefix("Keeping the certificate in use: ") == true)
      }
      await fleet.moreCalls()
      #expect(fleet.refused == 0)
      for member in fleet.members {
        try trust([root], at: member)
        try root.deploy(to: member)
        try await fleet.reload(member.name)
        await fleet.expect("The failure is forgotten") { members in
          members.contains { $0.name == member.name && $0.state.reloadFailure == nil }
        }
      }
    }
  }

  private func breakages(_ fleet: SampleFleet, _ root: TestRoot) throws -> [(SampleMember, () throws -> Void)] {
    let (server, broker, adapter) = (
      try fleet.member("Server"), try fleet.member("Broker"), try fleet.member("Adapter")
    )
    let key = try #require(server.place.files(isCombined: false).key)
    let combined = try #require(adapter.place.files(isCombined: true).combined)
    let bundle = try #require(broker.place.files(isCombined: false).trustBundle)
    let other = try PrivateKey.generate(.ecdsaP256).pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }
    return [
      (server, { try write(other, to: key) }),
      (adapter, { try write("-----BEGIN CERTIFICATE-----\nnonsense\n", to: combined) }),
      (broker, { try FileManager.default.removeItem(atPath: bundle) }),
    ]
  }

  @Test("Replacing a root in the right order, by hand, lets nobody be refused")
  func rightOrder() async throws {
    try await withSystem { fleet, old in
      let new = try TestRoot("New root")
      for member in fleet.members {
        try trust([old, new], at: member)
        try await fleet.reload(member.name)
      }
      // A call that began before its component was told of the new root knows the old one alone.
      await fleet.moreCalls(2)
      for member in fleet.members {
        try new.deploy(to: member)
        try await fleet.reload(member.name)
        await fleet.moreCalls(2)
      }
      await fleet.moreCalls()
      #expect(fleet.refused == 0, "\(fleet.refusals)")
      #expect(fleet.members.allSatisfy { $0.state.issuer?.contains("New root") == true })
    }
  }

  @Test("New certificates before the new root is trusted are counted as refused, by both sides, with the reason")
  func wrongOrder() async throws {
    try await withSystem { fleet, _ in
      let new = try TestRoot("New root")
      let broker = try fleet.member("Broker")
      try new.deploy(to: broker)
      try await fleet.reload("Broker")
      await fleet.expect("The broker is refused as a server and as a client") { members in
        members.allSatisfy { member in
          member.state.calls.allSatisfy { call in
            call.peer == "Broker" || member.name == "Broker" ? call.refused > 0 : call.refused == 0
          }
        }
      }
      for member in fleet.members {
        for call in member.state.calls where call.refused > 0 { #expect(call.lastRefusal?.isEmpty == false) }
      }
    }
  }

  @Test("A component told to ignore the next SIGHUP ignores one, and heeds the one after it")
  func ignoresOneReload() async throws {
    try await withSystem { fleet, root in
      let before = try fleet.member("Server")
      try await fleet.ignoreNextReload(true, at: "Server")
      try root.deploy(to: before)
      try await fleet.reload("Server")
      #expect(try fleet.member("Server").state.fingerprint == before.state.fingerprint)
      #expect(try fleet.member("Server").state.ignoredReloads == 1)
      try await fleet.reload("Server")
      #expect(try fleet.member("Server").state.fingerprint != before.state.fingerprint)
    }
  }

  @Test("A component that dies is shown as not running, and calls to it count as unreachable, not as refused")
  func diesAlone() async throws {
    let folder = try TemporaryFolder()
    let fleet = SampleFleet(folder: folder.path, program: try rerootProgram(), samples: Self.three)
    try await fleet.start()
    let broker = try fleet.member("Broker")
    kill(try #require(broker.process), SIGKILL)
    await fleet.expect("The broker is gone") { members in
      members.contains { $0.name == "Broker" && $0.status == .ended("was ended by signal 9") }
    }
    let root = try TestRoot("Root")
    for member in fleet.members where member.isRunning {
      try trust([root], at: member)
      try root.deploy(to: member)
      try await fleet.reload(member.name)
    }
    await #expect(throws: SampleFailure.self) { try await fleet.ignoreNextReload(true, at: "Broker") }
    await fleet.stop()
  }

  @Test("A machine that cannot keep up gets fewer calls, up to a pause of two seconds")
  func rest() {
    #expect(SampleCaller.rest(after: .milliseconds(1)) == .milliseconds(4))
    #expect(SampleCaller.rest(after: .milliseconds(300)) == .milliseconds(1200))
    #expect(SampleCaller.rest(after: .seconds(5)) == .seconds(2))
  }
}
