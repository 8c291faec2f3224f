import ArgumentParser
import CProcess
import Foundation
import PKI

/// `reroot module-worker`: what the console starts to let a hardware module sign. It reads one order from standard input
/// and writes one answer to standard output.
struct ModuleWorkerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "module-worker", abstract: "Let a hardware module sign once.", shouldDisplay: false)

  @Option(help: "The process that has started it, and without which it does nothing.")
  var parent: Int32

  private static let longestOrder = 64 << 10

  func run() throws {
    // A module that hangs is not to outlive the console, however that ends; which may have been before this.
    guard reroot_end_with_parent() == 0, getppid() == parent else { throw ExitCode.failure }
    // Modules may write where they like: only the answer goes to the output that the console reads.
    let output = dup(STDOUT_FILENO)
    dup2(STDERR_FILENO, STDOUT_FILENO)
    let answer = Self.answer()
    let line = try JSONEncoder().encode(answer)
    try FileHandle(fileDescriptor: output).write(contentsOf: line)
  }

  private static func answer() -> TokenAnswer {
    do {
      let bytes = try InputFile.read(descriptor: STDIN_FILENO, name: "standard input", limit: longestOrder)
      let (order, pin) = try TokenOrder.read(SecretBytes(bytes))
      return try TokenModule.carryOut(order, pin: pin)
    } catch let error as PKIError {
      return TokenAnswer(code: error.code, sentence: error.sentence)
    } catch {
      return TokenAnswer(code: "TOKEN_FAILED", sentence: "The hardware module could not be asked: \(error).")
    }
  }
}
