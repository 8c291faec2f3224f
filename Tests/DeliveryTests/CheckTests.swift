import Foundation
import PKI
import Rotation
import Testing

@testable import Delivery

@Suite("A check before the activation", .timeLimit(.minutes(1)))
struct CheckTests {
  /// A component whose activation leaves a file `activated` in its `FOLDER`, and whose check is a script.
  private func component(_ script: String, timeLimit: Int = 5) throws -> TestComponent {
    var sample = try TestComponent()
    sample.component.activation = Activation(
      method: .command(["/usr/bin/touch", sample.folder.path("activated")]), timeLimit: timeLimit,
      check: ["/bin/sh", "-c", script.replacing("FOLDER", with: sample.folder.path)])
    return sample
  }

  private func isActivated(_ sample: TestComponent) throws -> Bool {
    try sample.folder.picture()["activated"] != nil
  }

  @Test("runs first, and then the component is activated")
  func content() async throws {
    let sample = try component("test ! -e FOLDER/activated && echo fine")
    #expect(try await sample.delivery.activate().output == "")
    #expect(try isActivated(sample))
  }

  /// How a check ends, and what is said of it.
  struct Refusal: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let script: String
    let part: String
  }

  @Test(
    "that refuses keeps the component from being activated, and is told with what it said",
    arguments: [
      Refusal(testDescription: "with a status", script: "echo line 7 >&2; exit 3", part: "it ended with status 3."),
      Refusal(testDescription: "by a signal", script: "echo line 7; kill -9 $$", part: "it was ended by signal 9"),
      Refusal(testDescription: "too late", script: "echo line 7; sleep 60", part: "it did not end within 1 seconds"),
    ])
  func refusal(row: Refusal) async throws {
    let sample = try component(row.script, timeLimit: 1)
    let failed = await failure { _ = try await sample.delivery.activate() }
    #expect(failed?.code == "CHECK_REFUSED")
    #expect(failed?.failure.output == "line 7\n")
    let sentence = failed?.failure.sentence ?? ""
    #expect(sentence.contains("The check of “Gateway” (/bin/sh -c \(row.script)) refuses"), "\(sentence)")
    #expect(sentence.contains(row.part), "\(sentence)")
    #expect(sentence.contains("still serves what it served before"), "\(sentence)")
    #expect(try !isActivated(sample))
  }

  @Test("also stands before a signal, and before nothing at all")
  func otherMethods() async throws {
    for method in [Activation.Method.none, .signal("HUP", pidFile: "/no/such/pid")] {
      var sample = try component("exit 1")
      sample.component.activation.method = method
      #expect(await code { _ = try await sample.delivery.activate() } == "CHECK_REFUSED")
    }
  }

  @Test("that refuses, or is gone, is told but obeyed no more when files are put back")
  func puttingBack() async throws {
    var sample = try component("echo line 7; exit 3")
    let said = try await sample.delivery.activate(despiteCheck: true).output
    #expect(said.contains("Activated although the check refuses") && said.contains("line 7"), "\(said)")
    #expect(try isActivated(sample))
    unlink(sample.folder.path("activated"))
    sample.component.activation.check = ["/no/such/check"]
    #expect(try await sample.delivery.activate(despiteCheck: true).output.contains("/no/such/check"))
    #expect(try isActivated(sample))
  }

  @Test("is made by the plan too, with the files as they are, and its reason is told")
  func beforehand() async throws {
    let sample = try component(". FOLDER/check.sh")
    try sample.folder.write(
      "test -r \(sample.folder.path("key.pem")) || exit 0\necho one; echo two; echo three\n"
        + "echo 'four \(String(repeating: "x", count: 2_000))'\nexit 1\n", to: "check.sh")
    let problems = await sample.inspect().findings.problems
    #expect(problems.map(\.code) == ["CHECK_REFUSES_TODAY"])
    let sentence = try #require(problems.first?.sentence)
    #expect(sentence.contains("two three four xxx") && !sentence.contains("one"), "\(sentence)")
    #expect(sentence.count < 2_000 && problems.allSatisfy { !$0.isBlocking })
    #expect(try !isActivated(sample))
  }
}
