import ArgumentParser
import Console
import Foundation
import PKI

/// `reroot roots import-module FILE`: a root whose key stays in a hardware module.
struct RootsImportModule: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import-module", abstract: "Import a root certificate whose key stays in a hardware module.",
    discussion: """
      The console was started with --pkcs11-module. The module signs once, to show that the key belongs to the certificate, \
      before anything is stored. \(ModulePIN.discussion)
      """)

  @Argument(help: "The root certificate alone, PEM or DER.", completion: .file())
  var file: String

  @Option(help: "What administrators call it.")
  var name: String

  @Option(help: "The module's library, as the console was started with it.")
  var library: String

  @Option(
    help: ArgumentHelp(
      "Which token and key (RFC 7512), without a PIN: pkcs11:token=Root%20CA;object=root-2026.", valueName: "pkcs11-uri"
    ))
  var uri: String

  @OptionGroup var pin: ModulePIN

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let certificate = try InputFile.read(file, limit: (1 << 20) + 1)
      let parts = [
        FormPart("file", file: URL(fileURLWithPath: file).lastPathComponent, bytes: certificate),
        FormPart("name", name), FormPart("library", library), FormPart("uri", uri),
        FormPart("pin", secret: try pin.read()),
      ]
      let root = try client.json(.post("/module-roots", [], .form(parts), isRepeatable: true))
      try server.json
        ? Output.json(root) : Output.line("Imported “\(root.words("name"))”, number \(root.number("id")).")
    }
  }
}

/// `reroot roots change-pin ROOT`.
struct RootsChangePIN: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "change-pin", abstract: "Give the console another PIN for a root in a hardware module.",
    discussion: "The module signs once with it; only if that succeeds is it kept. \(ModulePIN.discussion)")

  @OptionGroup var root: RootArgument

  @OptionGroup var pin: ModulePIN

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Complaint.ending {
      let client = try server.client()
      let pin = try pin.text()
      let found = try RootChoice.find(root.root, client)
      var request = APIRequest(method: "PUT", path: "/roots/\(found.number("id"))/pin")
      request.body = .secret("pin", pin)
      try client.json(request)
      try Output.done(
        "“\(found.words("name"))” has another PIN.", number: found["id"]?.whole, json: server.json)
    }
  }
}

/// The PIN of a hardware module's token.
struct ModulePIN: ParsableArguments {
  static let discussion = """
    The PIN is read from --pin-file, from standard input where that is no terminal, or asked for. One line break at its end \
    is not part of it.
    """

  @Option(help: "A file that holds the PIN; nobody else may read it. “-” is standard input.", completion: .file())
  var pinFile: String?

  func read() throws -> SecretBytes {
    try pinFile.map(PasswordInput.fromFile) ?? PasswordInput.fromStandardInput(prompt: "PIN: ")
  }

  /// The same of which a text of JSON can be made.
  func text() throws -> SecretBytes {
    let pin = try read()
    guard !pin.isEmpty, pin.withBytes(Self.isUTF8) else {
      throw ValidationError("A PIN is a text in UTF-8, and not empty.")
    }
    return pin
  }

  /// Looks at the bytes where they are: a text that is made of them would stay in memory.
  static func isUTF8(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var (decoder, iterator) = (UTF8(), bytes.makeIterator())
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue: continue
      case .emptyInput: return true
      case .error: return false
      }
    }
  }
}
