import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("What is Reroot's own", .timeLimit(.minutes(1)))
struct BelongingsTests {
  /// Everything below a folder is its own, and “sesame” a secret.
  private static func own(_ folder: String) -> Belongings {
    Belongings(
      claims: { $0.map { $0.hasPrefix(folder + "/") ? "the test" : nil } },
      redact: { $0.replacingOccurrences(of: "sesame", with: "…") })
  }

  private func change(_ path: String) -> FileChange {
    FileChange(path: path, content: SecretBytes(utf8: "new"), mode: 0o600)
  }

  @Test("is neither read, nor replaced, nor removed, nor copied, by whatever path; and nothing is left beside it")
  func refused() async throws {
    let folder = try TestFolder()
    try folder.folder("own/below")
    try folder.folder("other")
    try folder.write("mine", to: "own/file")
    try folder.link("link", to: folder.path("own"))
    try folder.link("other/file", to: folder.path("own/file"))
    try folder.link("other/new", to: folder.path("own/new"))
    let access = TargetAccess.local(own: Self.own(folder.path("own")))
    let before = try folder.picture()
    for name in ["own/file", "own/new", "own/below/new", "link/file", "other/file", "other/new"] {
      let path = folder.path(name)
      let other = change(folder.path("other/fine"))
      #expect(await code { _ = try await access.read(path) } == "OWN_FILE", "\(name)")
      #expect(await code { _ = try await access.state(path) } == "OWN_FILE", "\(name)")
      #expect(await code { _ = try await access.recover([path]) } == "OWN_FILE", "\(name)")
      #expect(await code { try await access.checkWritable(path) } == "OWN_FILE", "\(name)")
      #expect(await code { try await access.replace([other, change(path)]) } == "OWN_FILE", "\(name)")
      let removal = FileChange(path: path, content: nil, mode: 0)
      #expect(await code { try await access.replace([other, removal]) } == "OWN_FILE", "\(name)")
      let order = KeyOrder(algorithm: .ecdsaP256, names: [try AlternativeName(parsing: "a.example")], path: path)
      #expect(await code { _ = try await access.makeKey(order) } == "OWN_FILE", "\(name)")
    }
    let digest = SecretBytes(utf8: "mine").sha256Hex
    let copy = FileChange(
      path: folder.path("other/fine"), source: FileSource(path: folder.path("own/file"), sha256: digest), mode: 0o600)
    #expect(await code { try await access.replace([copy]) } == "OWN_FILE")
    #expect(try folder.picture() == before)
  }

  @Test("is seen even where a folder of the path is missing")
  func missingFolder() throws {
    let folder = try TestFolder()
    try folder.folder("own")
    try folder.link("link", to: folder.path("own"))
    let own = Self.own(folder.path("own"))
    for name in ["own/a/b/c", "link/a/b/c"] { #expect(own.objection(to: folder.path(name)) != nil, "\(name)") }
    for name in ["a/b/c", "owner/a"] { #expect(own.objection(to: folder.path(name)) == nil, "\(name)") }
  }

  @Test("forbids the start of an update, and is named once for each file")
  func inspection() async throws {
    var sample = try TestComponent()
    try sample.folder.folder("own")
    sample.component.files.certificateChain = try sample.folder.write("SQLite format 3", to: "own/database")
    let delivery = ComponentDelivery(
      component: sample.component, access: .local(own: Self.own(sample.folder.path("own"))))
    let before = try sample.folder.picture()
    let problems = await delivery.inspect(knownRoots: [], now: Date()).findings.problems
    #expect(problems.map(\.code) == ["OWN_FILE"] && problems.first?.isBlocking == true, "\(problems)")
    #expect(try sample.folder.picture() == before)
  }

  @Test("and secret is in nothing that a command, a check or a failure says")
  func secrets() async throws {
    let targets = Targets()
    var component = VerificationTests.component([])
    targets.keepOut(of: Self.own("/own"))
    let access = targets.access(to: component)
    let result = try await access.run(["/bin/sh", "-c", "echo open sesame; echo sesame >&2"], .seconds(20))
    #expect(result.output == "open …\n…\n")
    #expect(await failure { try await access.checkProgram("/sesame") }?.description.contains("sesame") == false)
    #expect(await failure { _ = try await access.read("/own/sesame") }?.code == "OWN_FILE")
    component.activation = Activation(
      method: .command(["/bin/sh", "-c", "echo sesame; exit 1"]), check: ["/bin/sh", "-c", "echo sesame; exit 2"])
    let delivery = ComponentDelivery(component: component, access: access)
    let refusal = try #require(await failure { _ = try await delivery.activate() })
    #expect(refusal.failure.output == "…\n")
    let failed = try #require(await failure { _ = try await delivery.activate(despiteCheck: true) })
    #expect(failed.failure.output == "…\n")
  }
}
