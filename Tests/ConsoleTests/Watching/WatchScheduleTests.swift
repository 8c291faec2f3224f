import Foundation
import Rotation
import Synchronization
import Testing

@testable import Console
@testable import Store

@Suite("When the endpoints are looked at", .timeLimit(.minutes(1))) struct WatchScheduleTests {
  /// Time that passes only when the test lets it: whoever sleeps waits for the next step.
  private final class Steps: Sendable {
    private struct State {
      var slept: [Duration] = []
      var waiting: CheckedContinuation<Void, Never>?
      var isOver = false
    }
    private let state = Mutex(State())

    /// What was slept so far, in seconds.
    var slept: [Double] { state.withLock { $0.slept.map { $0 / .seconds(1) } } }

    func sleep(_ duration: Duration) async throws {
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let goesOn = state.withLock { state in
            state.slept.append(duration)
            state.waiting = state.isOver ? nil : continuation
            return state.isOver
          }
          if goesOn { continuation.resume() }
        }
      } onCancel: {
        let waiting = state.withLock { state in
          state.isOver = true
          return state.waiting.take()
        }
        waiting?.resume()
      }
      try Task.checkCancellation()
    }

    /// Lets the sleeper wake up, once it sleeps.
    func wake() async throws {
      try await eventually("The schedule sleeps") { self.state.withLock { $0.waiting != nil } }
      state.withLock { $0.waiting.take() }?.resume()
    }

    /// Waits until the sleeper sleeps for so many times in all.
    func asleep(_ count: Int) async throws {
      try await eventually("It sleeps for the time \(count)") { self.slept.count >= count }
    }
  }

  private func withSchedule(
    jitter: Double = 0.5, minutes: String, _ body: (TestConsole, Steps) async throws -> Void
  ) async throws {
    let steps = Steps()
    let timing = WatchTiming(
      sleep: { try await steps.sleep($0) }, jitter: { jitter }, first: .seconds(60), again: .zero)
    let folder = try TemporaryFolder()
    let clock = TestClock()
    let prepared = try Store.open(folder: folder.path + "/data", clock: { clock.now })
    try await prepared.set(PlainSetting.watchMinutes.key, to: minutes)
    // An endpoint at which nobody listens, so that looks can be counted.
    _ = try await prepared.addComponent(TestSystem.component("edge", endpoints: [Endpoint(host: "127.0.0.1", port: 1)]))
    try prepared.close()
    let console = try await TestConsole(folder: folder, clock: clock, watching: timing)
    do {
      try await body(console, steps)
    } catch {
      try? await console.stop()
      throw error
    }
    try await console.stop()
  }

  private func looks(_ console: TestConsole) -> Int { console.console.services.watching.meter.state.looks }

  @Test("The first look comes a moment after the start, the next ones after the interval, which the setting gives")
  func interval() async throws {
    try await withSchedule(minutes: "2") { console, steps in
      // 60 s and half as much, in slices of 30 s, after which the setting is read again.
      for count in 1...3 {
        try await steps.asleep(count)
        #expect(looks(console) == 0)
        try await steps.wake()
      }
      // What differs is looked at again before it is believed.
      try await steps.asleep(4)
      #expect(steps.slept == [30, 30, 30, 0])
      try await steps.wake()
      try await eventually("It has looked") { looks(console) == 1 }
      for count in 5...8 {
        try await steps.asleep(count)
        #expect(looks(console) == 1)
        try await steps.wake()
      }
      try await eventually("It has looked again") { looks(console) == 2 }
      #expect(steps.slept.dropFirst(4).prefix(4).reduce(0, +) == 120)
    }
  }

  @Test("Whoever has joined a look that the end of the program breaks off is told so, as whoever has begun it")
  func ended() async throws {
    let steps = Steps()
    let timing = WatchTiming(
      sleep: { try await steps.sleep($0) }, jitter: { 0 }, first: .zero, again: .zero, isScheduled: false)
    let console = try await TestConsole(watching: timing)
    _ = try await console.store.addComponent(
      TestSystem.component("edge", endpoints: [Endpoint(host: "127.0.0.1", port: 1)]))
    let desk = console.console.services.watching
    let first = Task { try await desk.look() }
    // What differs is looked at again: it sleeps before that.
    try await steps.asleep(1)
    let joined = (0..<3).map { _ in Task { try await desk.look() } }
    try await eventually("They have joined") { await desk.joined == 3 }
    try await console.stop()
    for look in [first] + joined {
      #expect(try await look.value == .skipped("Reroot is being ended."))
    }
  }

  @Test("With 0 nothing is looked at until the setting is another, which holds within half a minute")
  func off() async throws {
    try await withSchedule(jitter: 0, minutes: "0") { console, steps in
      for count in 1...20 {
        try await steps.asleep(count)
        try await steps.wake()
      }
      #expect(looks(console) == 0)
      try await console.store.set(PlainSetting.watchMinutes.key, to: "1")
      try await eventually("It has looked") {
        try await steps.wake()
        return looks(console) == 1
      }
    }
  }

  @Test("The interval is spread by a tenth, so that several consoles do not look at one moment", arguments: [0, 0.999])
  func spread(_ jitter: Double) async throws {
    try await withSchedule(jitter: jitter, minutes: "10") { console, steps in
      try await eventually("The first look") {
        try await steps.wake()
        return looks(console) == 1
      }
      let before = steps.slept.count
      try await eventually("The second look") {
        try await steps.wake()
        return looks(console) == 2
      }
      let passed = steps.slept.dropFirst(before).reduce(0, +)
      #expect(jitter == 0 ? (509...571).contains(passed) : (629...691).contains(passed), "\(passed) s")
    }
  }
}
