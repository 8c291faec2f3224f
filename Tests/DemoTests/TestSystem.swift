import Foundation
import PKI
import Rotation
import Testing

@testable import Demo

/// A folder that is removed with the last reference to it.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/reroot-demo-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// The program under test, which the build puts beside the tests.
func rerootProgram() throws -> String {
  let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let besideTests = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path + "/reroot"
  let besideOwn = URL(fileURLWithPath: own).deletingLastPathComponent().path + "/reroot"
  return try #require([besideTests, besideOwn].first { FileManager.default.isExecutableFile(atPath: $0) })
}

/// A root that signs for the tests.
struct TestRoot: Sendable {
  let identity: Identity

  init(_ name: String) throws {
    let now = Date()
    identity = try RootMaker.makeRoot(
      commonName: name, algorithm: .ecdsaP256, notBefore: now - 3600, notAfter: now + 30 * 86_400)
  }

  var pem: String { identity.chainPEM }

  /// Puts a new certificate and key of this root into a component's files.
  func deploy(to member: SampleMember) throws {
    let child = try child(for: member.sample)
    let key = try child.key.pkcs8PEM().withBytes { String(decoding: $0, as: UTF8.self) }
    let files = member.place.files(isCombined: member.sample.isCombined)
    if let combined = files.combined { try write(child.chainPEM + key, to: combined) }
    if let chain = files.certificateChain { try write(child.chainPEM, to: chain) }
    if let path = files.key { try write(key, to: path) }
  }
}

extension TestRoot {
  /// A new key and certificate for a component.
  func child(for sample: Sample) throws -> Identity {
    let root = try #require(identity.leaf)
    let now = Date()
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = ChildRequest(
      names: [try AlternativeName(parsing: sample.serverName), .ip("127.0.0.1")], usage: .both, publicKeyOf: key,
      serialNumber: .random(), notBefore: now - 3600, notAfter: now + 20 * 86_400)
    let certificate = try Issuer(root: root, key: identity.key).sign(CheckedRequest(request, root: root, now: now))
    return Identity(chain: [certificate], key: key)
  }
}

/// Makes a component accept these roots.
func trust(_ roots: [TestRoot], at member: SampleMember) throws {
  let bundle = try #require(member.place.files(isCombined: member.sample.isCombined).trustBundle)
  try write(roots.map(\.pem).joined(), to: bundle)
}

func write(_ text: String, to path: String) throws {
  try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
}

extension SampleFleet {
  /// The member of this name as it is now.
  func member(_ name: String) throws -> SampleMember { try #require(members.first { $0.name == name }) }

  /// Waits until something holds of the members; fails the test when it does not within 20 seconds.
  func expect(
    _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: @escaping @Sendable ([SampleMember]) -> Bool
  ) async {
    let changes = updates()
    let limit = ContinuousClock.now + .seconds(20)
    // The components report twice a second, so there is always a next change.
    for await _ in changes {
      if holds(members) { return }
      if ContinuousClock.now > limit { break }
    }
    Issue.record(what, sourceLocation: sourceLocation)
  }

  /// Sends SIGHUP to a component and waits until it has dealt with it.
  func reload(_ name: String) async throws {
    let before = try member(name)
    let number = try #require(before.process)
    let (loads, ignored, hadFailed) = (
      before.state.loads, before.state.ignoredReloads, before.state.reloadFailure != nil
    )
    #expect(kill(number, SIGHUP) == 0)
    await expect("The \(name) takes note of SIGHUP") { members in
      members.contains {
        $0.name == name
          && ($0.state.loads > loads || $0.state.ignoredReloads > ignored
            || !hadFailed && $0.state.reloadFailure != nil)
      }
    }
  }

  /// Waits until every component has made this many further calls to each of its peers, one way or another.
  func moreCalls(_ count: Int = 5) async {
    let before = members
    await expect("Everybody goes on calling") { members in
      zip(before, members).allSatisfy { old, new in
        // Whose calls were not told of yet has made none.
        let former = Dictionary(old.state.calls.map { ($0.peer, $0.total) }) { first, _ in first }
        return !new.state.calls.isEmpty
          && new.state.calls.allSatisfy { $0.total >= former[$0.peer, default: 0] + count }
      }
    }
  }

  /// How many handshakes were refused in the whole system.
  var refused: Int { members.reduce(0) { $0 + $1.state.refused } }

  /// Whose calls to whom were refused last, and why.
  var refusals: [String] {
    members.flatMap { member in
      member.state.calls.compactMap { call in call.lastRefusal.map { "\(member.name) to \(call.peer): \($0)" } }
    }
  }
}

extension CallCount {
  var total: Int { accepted + refused + unreachable }
}
