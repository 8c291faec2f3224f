import Delivery
import Foundation
import Rotation
import Testing

@testable import Console
@testable import PKI
@testable import Store

@Suite("A PIN that a hardware module refuses", .timeLimit(.minutes(2))) struct RefusedPINTests {
  private static let library = "/lib/module.so"

  /// A module that refuses every PIN, and counts how often it is signed in to.
  private struct CountingModule {
    let modules: HardwareModules
    let module: ModuleReference
    private let file: String

    init(_ folder: String) throws {
      file = folder + "/logins"
      let script =
        "cat > /dev/null; echo x >> '\(file)'; echo '{\"code\":\"TOKEN_PIN_WRONG\",\"sentence\":\"Refused.\"}'"
      modules = HardwareModules(libraries: [RefusedPINTests.library], worker: ["/bin/sh", "-c", script])
      module = ModuleReference(library: RefusedPINTests.library, uri: try TokenURI("pkcs11:token=T;object=o"))
    }

    var logins: Int {
      ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").count { $0 == "x" }
    }
  }

  private func failures(_ count: Int, _ body: @escaping @Sendable () async throws -> Void) async -> [String] {
    await withTaskGroup(of: String.self) { group in
      for _ in 0..<count {
        group.addTask {
          do {
            try await body()
            return ""
          } catch {
            return Failure(describing: error).code
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
  }

  @Test("Eight certificates that are wanted at once try it once, and it is forgotten")
  func signer() async throws {
    try await withConsole { console in
      let (root, pin) = (try TestRoot("Module root"), SecretBytes(utf8: "1234"))
      let counting = try CountingModule(console.folder.path)
      let id = try await console.store.importModuleRoot(
        name: "Module root", certificate: root.certificate, module: counting.module, pin: pin, warnings: [], by: "ada")
      let signer = RootSigner(
        try await console.store.root(id), store: console.store, threads: console.console.services.workThreads,
        modules: counting.modules, clock: { TestClock.start })
      let order = IssueOrder(
        update: nil, component: nil, names: [.dns("web.example")], usage: .both, key: .ecdsaP256,
        notAfter: TestClock.start + 86_400)
      let codes = await failures(8) { _ = try await signer.issueOnce(order) }
      #expect(Set(codes).isSubset(of: ["TOKEN_PIN_WRONG", "NO_PIN"]), "\(codes)")
      #expect(codes.contains("TOKEN_PIN_WRONG"))
      #expect(counting.logins == 1)
      await #expect(throws: StoreError.self) { _ = try await console.store.pin(of: id) }
      // A root of another key in the same token knows the same PIN.
      var other = counting.module
      other.uri = try TokenURI("pkcs11:token=T;object=other")
      let codesOfOther = await failures(2) { [other] in
        try await counting.modules.run { try counting.modules.key(other, of: root.certificate, pin: pin).check() }
      }
      #expect(codesOfOther == ["TOKEN_PIN_WRONG", "TOKEN_PIN_WRONG"])
      #expect(counting.logins == 1)
    }
  }

  @Test("Signatures that were waiting with it are refused without trying it; what a person types anew is tried")
  func waiting() async throws {
    let folder = try TemporaryFolder()
    let (counting, root) = (try CountingModule(folder.path), try TestRoot("Module root").certificate)
    let (modules, module) = (counting.modules, counting.module)
    @Sendable func check(_ pin: String, isTyped: Bool = false) async throws {
      try await modules.run {
        try modules.key(module, of: root, pin: SecretBytes(utf8: pin), isTyped: isTyped).check()
      }
    }
    #expect(await failures(8) { try await check("1234") } == [String](repeating: "TOKEN_PIN_WRONG", count: 8))
    #expect(counting.logins == 1)
    #expect(await failures(1) { try await check("1234", isTyped: true) } == ["TOKEN_PIN_WRONG"])
    #expect(counting.logins == 2)
    #expect(await failures(2) { try await check("5678") } == ["TOKEN_PIN_WRONG", "TOKEN_PIN_WRONG"])
    #expect(counting.logins == 3)
  }

  @Test("Of an update that was ended nothing is signed any more, and whoever is next need not wait for it")
  func ended() async throws {
    let folder = try TemporaryFolder()
    let (begun, root) = (folder.path + "/begun", try TestRoot("Module root").certificate)
    let script = "cat > /dev/null; echo x >> '\(begun)'; exec sleep 300"
    let modules = HardwareModules(
      libraries: [Self.library], worker: ["/bin/sh", "-c", script], limit: .seconds(300))
    let module = ModuleReference(library: Self.library, uri: try TokenURI("pkcs11:token=T;object=o"))
    let signing = (0..<3).map { _ in
      Task {
        try await modules.run { try modules.key(module, of: root, pin: SecretBytes(utf8: "1234")).check() }
      }
    }
    try await eventually("One is under way") { (try? String(contentsOfFile: begun, encoding: .utf8)) == "x\n" }
    for task in signing { task.cancel() }
    for task in signing { await #expect(throws: CancellationError.self) { try await task.value } }
    #expect(try await modules.run { true })
    #expect(try String(contentsOfFile: begun, encoding: .utf8) == "x\n")
  }
}
