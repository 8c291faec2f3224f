import Foundation
import PKI
import Rotation

extension ComponentDelivery {
  /// What came of an activation.
  public struct Activated: Sendable {
    /// What the command said.
    public var output = ""
    /// Who took the component's connections until then; nil where that cannot be told.
    public var former: FormerWorkers?
  }

  /// Makes the component use its files, once its check has nothing against them.
  ///
  /// - Parameter despiteCheck: whether it is activated even though its check refuses, as it must be when files are put
  ///   back: the component goes on with the certificate that is to be taken from it until it is activated, and what the
  ///   check objects to may have nothing to do with the files. What the check said is given back too.
  @discardableResult
  public func activate(despiteCheck: Bool = false) async throws -> Activated {
    var activated = Activated()
    do {
      try await check()
    } catch let refusal as DeliveryFailure where despiteCheck {
      activated.output = "Activated although the check refuses: \(refusal.failure.sentence) \(refusal.failure.output)\n"
    }
    switch component.activation.method {
    case .none: break
    case .signal(let name, let pidFile):
      activated.former = try await access.reload(name, pidFile, Set(component.endpoints.map(\.port)))
    case .haproxySocket(let socket): activated.output += try await runtime(socket).activate()
    case .command(let words):
      let result = try await access.run(words, .seconds(component.activation.timeLimit))
      if let failure = failure(of: result, words: words) { throw failure }
      activated.output += result.output
    }
    return activated
  }

  /// The runtime API of this component's HAProxy.
  func runtime(_ socket: String) -> HAProxyRuntime {
    HAProxyRuntime(
      socket: socket, files: component.files, component: component.name, timeLimit: component.activation.timeLimit,
      access: access)
  }

  /// Lets the component's own program look at its configuration, with the files as they are now. Does nothing for a
  /// component without a check.
  ///
  /// - Throws: `CHECK_REFUSED`, with what the program said.
  func check() async throws {
    guard let words = component.activation.check else { return }
    let result = try await access.run(words, .seconds(component.activation.timeLimit))
    guard let end = end(of: result) else { return }
    throw DeliveryFailure(
      code: "CHECK_REFUSED",
      sentence:
        "The check of “\(component.name)” (\(words.joined(separator: " "))) refuses its configuration: it \(end). "
        + "It was not activated and goes on with what it has loaded, so it still serves what it served before.",
      advice: "Read what the check says, mend the configuration, then retry.", output: result.output)
  }

  /// That the check refuses the configuration already before anything was changed.
  func refusedToday(_ output: String, _ words: [String]) -> DeliveryFailure {
    let said = VisibleText.of(
      output.split(whereSeparator: \.isNewline).suffix(3).joined(separator: " "), limit: Self.shownOutput)
    return DeliveryFailure(
      code: "CHECK_REFUSES_TODAY",
      sentence:
        "The check of “\(component.name)” (\(words.joined(separator: " "))) refuses its configuration as it stands "
        + "today" + (said.isEmpty ? "; it gives no reason." : ": \(said)"),
      advice: "Mend the configuration first. Unless the new files are what it misses, the update will stop when this "
        + "component is to be activated.")
  }

  /// How much of a check's output a sentence takes, in characters.
  private static let shownOutput = 500

  /// How a command failed, after “it”; nil when it did not.
  func end(of result: CommandResult) -> String? {
    switch result.end {
    case .exited(0): nil
    case .exited(let status): "ended with status \(status)"
    case .signalled(let number): "was ended by signal \(number) (\(String(cString: strsignal(number))))"
    case .timedOut:
      "did not end within \(component.activation.timeLimit) seconds and was ended, with everything that it had started"
    }
  }

  private func failure(of result: CommandResult, words: [String]) -> DeliveryFailure? {
    let command = "The activation command of “\(component.name)” (\(words.joined(separator: " ")))"
    let advice = "It may go on with what it had loaded before. Read the output, mend what it names, then retry."
    switch result.end {
    case .exited(0): return nil
    case .exited(let status):
      return DeliveryFailure(
        code: "COMMAND_FAILED", sentence: "\(command) ended with status \(status).", advice: advice,
        output: result.output)
    case .signalled(let number):
      return DeliveryFailure(
        code: "COMMAND_KILLED",
        sentence: "\(command) was ended by signal \(number) (\(String(cString: strsignal(number)))).",
        advice: advice, output: result.output)
    case .timedOut:
      return DeliveryFailure(
        code: "COMMAND_TIMED_OUT",
        sentence: "\(command) did not end within \(component.activation.timeLimit) seconds; "
          + "it was ended, with everything that it had started.",
        advice:
          "Run it by hand to see what it waits for, or give it more time in the component's settings, then retry.",
        output: result.output)
    }
  }
}
