import Foundation
import PKI
import Testing

@testable import Delivery

@Suite("The process of a hardware module", .timeLimit(.minutes(1))) struct ModuleWorkerTests {
  private func code(_ script: String) throws -> String {
    let worker = ModuleWorker(["/bin/sh", "-c", script], limit: .seconds(1))
    let order = TokenOrder(
      module: "/lib/module.so", uri: try TokenURI("pkcs11:token=T;object=o"), mechanism: .rsa, data: Data([1]))
    do {
      _ = try worker.carryOut(order, pin: SecretBytes(utf8: "1234"))
      return ""
    } catch let error as PKIError {
      return error.code
    }
  }

  @Test("A module that talks without end to standard error is given up in time")
  func talkative() throws {
    let begun = ContinuousClock.now
    let script = "cat > /dev/null; for n in 1 2 3 4 5 6 7 8; do cat /dev/zero >&2 & done; wait"
    #expect(try code(script) == "TOKEN_TIMED_OUT")
    #expect(ContinuousClock.now - begun < .seconds(10))
  }

  @Test("What a module says to standard error is in nobody's way")
  func aside() throws {
    #expect(
      try code("cat > /dev/null; head -c 300000 /dev/zero >&2; echo '{\"code\":\"TOKEN_FAILED\"}'") == "TOKEN_FAILED")
  }

  @Test("Once nobody wants its answer any more it is killed at once, and what has not begun does not begin")
  func unwanted() async throws {
    let folder = try TestFolder()
    let begun = folder.path("begun")
    let worker = ModuleWorker(["/bin/sh", "-c", "echo $$ > '\(begun)'; exec sleep 300"], limit: .seconds(300))
    let order = TokenOrder(
      module: "/lib/module.so", uri: try TokenURI("pkcs11:token=T;object=o"), mechanism: .rsa, data: Data([1]))
    let call = ModuleCall()
    let pin = SecretBytes(utf8: "1234")
    let working = Task.detached { try worker.carryOut(order, pin: pin, for: call) }
    #expect(await eventually { (try? folder.text("begun"))?.hasSuffix("\n") == true })
    let number = try #require(pid_t(try folder.text("begun").trimmingCharacters(in: .newlines)))
    call.cancel()
    await #expect(throws: CancellationError.self) { _ = try await working.value }
    #expect(kill(number, 0) == -1 && errno == ESRCH)
    try FileManager.default.removeItem(atPath: begun)
    #expect(throws: CancellationError.self) { _ = try worker.carryOut(order, pin: pin, for: call) }
    #expect(!FileManager.default.fileExists(atPath: begun))
  }
}
