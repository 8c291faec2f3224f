import Foundation
import Rotation
import Testing

@testable import Delivery

@Suite("After a crash", .timeLimit(.minutes(1)))
struct CrashTests {
  /// Ends the process at one step of a replacement, as a crash would.
  private static func crash(_ path: String, at step: Int) async throws {
    let count = Counter()
    try await TargetAccess.local(observe: { _ in
      if count.next() == step { kill(getpid(), SIGKILL) }
    }).replace(SampleChange.changes(in: path))
  }

  @Test("at any step the files are recovered as they all were, or are all new, with nothing beside them")
  func everyStep() async throws {
    let after = try await SampleChange.after()
    for step in 0..<(try await SampleChange.countSteps()) {
      let sample = try SampleChange()
      let before = try sample.folder.picture()
      let path = sample.folder.path
      await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, step = step as Int] in
        try await Self.crash(path, at: step)
      }
      _ = try await TargetAccess.local().recover(sample.paths)
      let found = try sample.folder.picture()
      #expect(found == before || found == after, "step \(step)")
      #expect(try sample.folder.traces() == [], "step \(step)")
    }
  }
}
