/// Something that costs much and is done once at a time: whoever asks while it goes on is told what came of it.
actor JoinedRun<Value: Sendable> {
  private var running: Task<Value, any Error>?
  /// How many wait for what goes on.
  private(set) var callers = 0

  /// Does it, or joins whoever does.
  func run(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
    callers += 1
    defer { callers -= 1 }
    if let running { return try await running.value }
    let task = Task { try await body() }
    running = task
    defer { running = nil }
    return try await task.value
  }
}
