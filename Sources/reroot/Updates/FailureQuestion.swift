import Console
import Foundation
import PKI

/// Asks whoever sits at the terminal for the decision on a failure, and sends it. Somebody else may decide meanwhile, on a
/// page: then the question is over.
struct FailureQuestion {
  let client: APIClient
  let id: String

  /// How often is looked whether somebody else has decided, in milliseconds.
  private static let interval: Int32 = 3_000

  init(_ client: APIClient, update id: String) {
    self.client = client
    self.id = id
  }

  /// Shows the panel and asks until a decision is taken.
  ///
  /// - Returns: whether the update goes on: false when the question stays open, because nobody wants to answer it here, or
  ///   somebody else has to agree.
  func ask(_ progress: UpdateProgress) throws -> Bool {
    let terminal = Terminal.current()
    let columns = terminal.columns - 1
    Output.text(FailureText.of(progress, columns: columns, hasColours: terminal.hasColours) + "\n")
    let question = progress.update["question"]?.whole ?? 0
    let offers = (progress.update["decisions"]?.elements ?? []).map { $0.words("decision") }
    while true {
      let words = offers.joined(separator: ", ")
      guard let answer = try line("Decision (\(words); empty leaves the question open): ", question) else {
        return true
      }
      guard !answer.isEmpty else {
        Output.line("The question stays open: reroot update decide \(id) DECISION")
        return false
      }
      let matches = offers.filter { $0.hasPrefix(answer.lowercased()) }
      guard let decision = matches.first, matches.count == 1 else {
        Output.error("“\(answer)” is not on offer.")
        continue
      }
      var reason: String?
      if decision == "override" {
        guard let given = try line("Why (it stands in the audit log): ", question) else { return true }
        reason = given
      }
      do {
        let sent = UpdateDecision(decision: decision, question: question, reason: reason)
        return sent.isTaken(try sent.send(client, update: id))
      } catch let failure as CommandFailure where failure.status == .refused {
        Output.error("reroot: \(failure.sentence)")
        if failure.code == "DECISION_STALE" || failure.code == "UPDATE_MOVED_ON" { return true }
      }
    }
  }

  /// A line from the terminal; nil when the question has been answered by somebody else.
  private func line(_ prompt: String, _ question: Int64) throws -> String? {
    Output.prompt(prompt)
    var watched = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    while poll(&watched, 1, Self.interval) == 0 {
      // A console that does not answer just now is asked again.
      guard let update = try? client.json(.get("/updates/\(id)")) else { continue }
      if update["question"]?.whole != question || update.words("standing") != "deciding" {
        Output.prompt("\n")
        Output.line("Somebody else has decided.")
        return nil
      }
    }
    guard let line = readLine() else {
      Output.prompt("\n")
      return ""
    }
    return line.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
  }
}

/// A decision as it is sent.
struct UpdateDecision {
  var decision: String
  var question: Int64
  var actions: [String] = []
  var reason: String?

  /// Sends it, and gives back what the server answers.
  func send(_ client: APIClient, update id: String) throws -> JSONValue {
    var body: [String: JSONValue] = ["decision": .string(decision), "question": .integer(question)]
    if !actions.isEmpty { body["actions"] = .array(actions.map { .string($0) }) }
    if let reason { body["reason"] = .string(reason) }
    return try client.json(
      .post("/updates/\(id)/decisions", [], .json(.object(body)), isRepeatable: true))
  }

  /// Whether it is taken; false, and said, when somebody else has to agree first.
  func isTaken(_ answer: JSONValue) -> Bool {
    if answer["isTaken"]?.flag == true { return true }
    Output.error("Somebody else has to agree to it first: request \(answer.number("agreement")).")
    return false
  }
}
