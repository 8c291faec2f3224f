import Console
import Foundation
import PKI

/// Follows an update to its end, or to the question that nobody answers: a picture at a terminal, lines in a log, JSON Lines
/// for programs. Whoever ends the watching does not end the update.
final class UpdateWatch {
  /// How what happens is written.
  enum Style: Sendable {
    case picture, lines, json
  }

  private let client: APIClient
  private let id: String
  private let style: Style
  /// Whether somebody is there to be asked.
  private let asks: Bool
  private var progress = UpdateProgress()
  private var picture = LivePicture()
  private var lastEvent: String?
  private var shownUpdate: JSONValue?
  /// The last question that was answered here, or that nobody answers here.
  private var answered: Int64?

  /// For how long a lost connection is tried to be made anew.
  private static let patience = Duration.seconds(120)

  init(_ client: APIClient, update id: String, style: Style, asks: Bool) {
    self.client = client
    self.id = id
    self.style = style
    self.asks = asks && style != .json
  }

  /// Watches until the update has ended, or asks and nobody can answer.
  ///
  /// - Parameter answered: a question that has just been answered, so that it is not asked again.
  func run(answered: Int64? = nil) throws -> CommandStatus {
    self.answered = answered
    if style == .picture { Output.error("Ctrl-C ends the watching, not the update.") }
    while true {
      switch try follow() {
      case .ended(let status):
        finish()
        return status
      case .asks:
        guard asks else {
          finish()
          return .waiting
        }
        picture.settle()
        guard try FailureQuestion(client, update: id).ask(progress) else { return .waiting }
        self.answered = progress.update["question"]?.whole
      }
    }
  }

  private enum Pause {
    case ended(CommandStatus)
    case asks
  }

  /// Reads events until there is a reason to pause; a connection that is lost is made again, and goes on where it was.
  private func follow() throws -> Pause {
    var since: ContinuousClock.Instant?
    var wait: UInt32 = 1
    while true {
      var pause: Pause?
      do {
        if progress.names.isEmpty { try readActions() }
        var request = APIRequest.get("/updates/\(id)/events")
        request.lastEvent = lastEvent
        _ = try client.events(request) { event in
          (since, wait) = (nil, 1)
          pause = try take(event)
          return pause == nil
        }
        if let pause { return pause }
        // A stream that has nothing more to say is silent about how things stand.
        if let pause = try look() { return pause }
      } catch let failure as CommandFailure where failure.status == .notConnected {
        // What was never reached is not waited for, nor is a server that turns out to be another one.
        guard !progress.names.isEmpty, !failure.isOfCertificate else { throw failure }
        let start = since ?? .now
        since = start
        guard ContinuousClock.now - start < Self.patience else { throw failure }
        if style != .json { Output.error("\(failure.sentence) Trying again.") }
        picture.settle()
        sleep(wait)
        wait = min(10, wait * 2)
      }
    }
  }

  private func take(_ event: ServerEvent) throws -> Pause? {
    if !event.id.isEmpty { lastEvent = event.id }
    guard let value = try? JSONDecoder().decode(JSONValue.self, from: Data(event.data.utf8)) else { return nil }
    if style == .json { try Output.jsonLine(["event": .string(event.name), event.name: value]) }
    switch event.name {
    case "entry":
      if progress.take(entry: value) { try readActions() }
      if style == .lines { Output.line(Self.line(value)) }
      return nil
    case "update": return try take(update: value)
    default: return nil
    }
  }

  private func take(update: JSONValue) throws -> Pause? {
    progress.take(update: update)
    draw()
    guard let status = CommandStatus(standing: progress.standing) else { return nil }
    if status != .waiting {
      // How it ended is known. Where the console has another certificate by now, which is not known here, no new connection
      // to it is made.
      do { try readActions() } catch let failure as CommandFailure where failure.status == .notConnected {}
      draw()
      return .ended(status)
    }
    if let answered, let question = update["question"]?.whole, question <= answered { return nil }
    try readActions()
    draw()
    return .asks
  }

  /// Asks how the update stands, where no event says it.
  private func look() throws -> Pause? { try take(update: try client.json(.get("/updates/\(id)"))) }

  private func readActions() throws { progress.take(actions: try client.all("/updates/\(id)/actions")) }

  // MARK: What is written

  private func draw() {
    guard style == .picture else { return }
    Output.text(picture.replacing(with: ProgressPicture.lines(progress, .current())))
  }

  private func finish() {
    let terminal = Terminal.current()
    if style != .json {
      let text = FailureText.end(progress, columns: terminal.columns, hasColours: terminal.hasColours)
      // Made of text that is fit to be shown, and of colours.
      Output.text(text + "\n")
    }
  }

  private static func line(_ entry: JSONValue) -> String {
    "\(entry.words("at"))  \(VisibleText.of(entry.words("text")))"
  }
}
