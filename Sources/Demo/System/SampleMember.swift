import Foundation

/// What is known of one component of the running sample system.
public struct SampleMember: Sendable, Hashable {
  /// How many of its lines are remembered.
  static let remembered = 20

  /// What it is.
  public let sample: Sample
  /// Where its files are.
  public let place: SamplePlace
  /// Whether its process runs.
  public internal(set) var status = Status.notStarted
  /// Its process's number.
  public internal(set) var process: Int32?
  /// The port it listens on.
  public internal(set) var port: UInt16?
  /// What it reported last.
  public internal(set) var state = SampleState()
  /// The last lines that it wrote, oldest first.
  public internal(set) var said: [String] = []

  init(sample: Sample, place: SamplePlace) {
    self.sample = sample
    self.place = place
  }

  /// Its name.
  public var name: String { sample.name }
  /// Whether it listens.
  public var isRunning: Bool { status == .running }
  /// Whether there is a process that has not ended.
  var isAlive: Bool { status == .running || status == .starting }

  /// Where a component's process is.
  public enum Status: Sendable, Hashable {
    case notStarted, starting, running
    /// It is gone, with how it ended in words.
    case ended(String)

    /// The status for a person.
    public var words: String {
      switch self {
      case .notStarted: "has not been started"
      case .starting: "is starting"
      case .running: "is running"
      case .ended(let how): how
      }
    }
  }

  mutating func take(_ message: SampleMessage) {
    switch message {
    case .ready(let process, let port):
      self.process = process
      self.port = port
      status = .running
    case .state(let state): self.state = state
    case .said(let line): said = Array((said + [line]).suffix(Self.remembered))
    }
  }
}
