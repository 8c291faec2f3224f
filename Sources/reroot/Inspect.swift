import ArgumentParser
import Foundation
import PKI

/// `reroot inspect`: says whether a PFX file may be imported as a root, as the import page would.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tell whether a PFX file may be imported as a root certificate.",
    discussion: """
      The password is read from --password-file, from standard input where that is no terminal, or asked for. One line \
      break at its end is not part of it.

      Exit status: 0 when the file may be imported, 1 when not.
      """)

  @Argument(help: "The PFX file (.pfx or .p12).", completion: .file(extensions: ["pfx", "p12"]))
  var file: String

  @Option(help: "A file that holds the password; nobody else may read it. “-” is standard input.", completion: .file())
  var passwordFile: String?

  @Flag(help: "Print one JSON object instead of text.")
  var json = false

  func run() throws {
    let bytes = try InputFile.read(file, limit: PFX.maximumBytes + 1)
    let inspection = PFX.inspectRoot(bytes, password: try password(), now: Date())
    Output.line(json ? inspection.json() : InspectionText.of(inspection, file: file))
    if inspection.refusal != nil { throw ExitCode(1) }
  }

  private func password() throws -> SecretBytes {
    if let passwordFile { return try PasswordInput.fromFile(passwordFile) }
    return try PasswordInput.fromStandardInput(prompt: "Password of \(URL(fileURLWithPath: file).lastPathComponent): ")
  }
}
