import ArgumentParser
import Console
import Foundation
import PKI

/// `reroot roots`: the root certificates of a running console.
struct RootsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "roots", abstract: "Import, list, inspect and remove root certificates.",
    subcommands: [
      Import.self, RootsImportModule.self, RootsChangePIN.self, List.self, Inspect.self, Show.self, Download.self,
      Remove.self, RetiringRoots.self, RootDependents.self,
    ])

  /// `reroot roots import FILE`.
  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Import a root certificate from a PFX file.",
      discussion: """
        Nothing is changed on any component by it. Where the file or the roots that are there give reason for a warning, \
        it is refused until --accept-warnings says that they were read.

        \(PFXPassword.discussion)
        """)

    @OptionGroup var file: PFXPassword

    @Option(help: "What administrators call it (default: the name that the file gives).")
    var name: String?

    @Flag(help: "Import it in spite of the warnings.")
    var acceptWarnings = false

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        var parts = try file.parts()
        if let name { parts.append(FormPart("name", name)) }
        if acceptWarnings { parts.append(FormPart("acceptWarnings", "true")) }
        let root = try client.json(.post("/roots", [], .form(parts), isRepeatable: true))
        try server.json
          ? Output.json(root) : Output.line("Imported “\(root.words("name"))”, number \(root.number("id")).")
      }
    }
  }

  /// `reroot roots inspect FILE`.
  struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have the console look into a PFX file: whether it could be imported. Nothing is kept of it.",
      discussion: PFXPassword.discussion + " Without a console, `reroot inspect` looks into a file on this machine.")

    @OptionGroup var file: PFXPassword

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try client.json(.post("/root-inspections", [], .form(try file.parts())))
        if server.json { return try Output.json(found) }
        Output.fields(
          CertificateText.fields(found["certificate"] ?? .null) + [("Name", found.words("suggestedName"))]
            + (found["warnings"]?.elements ?? []).map { ("Warning", $0.text ?? "") })
      }
    }
  }

  /// `reroot roots list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the root certificates.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.list(
        "/roots", ifEmpty: "There is no root certificate yet.",
        [
          ("ID", { $0.number("id") }), ("NAME", { $0.words("name") }), ("STATE", RootChoice.state),
          ("COMPONENTS", { $0.number("componentsUsing") }),
          ("UNTIL", { $0["certificate"]?["notAfter"]?.day ?? "" }),
          ("SHA-256", { $0["certificate"]?.words("fingerprint") ?? "" }),
        ])
    }
  }

  /// `reroot roots show ROOT`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show a root certificate.")

    @OptionGroup var root: RootArgument

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let found = try RootChoice.find(root.root, try server.client())
        if server.json { return try Output.json(found) }
        Output.fields(
          [("Name", found.words("name")), ("State", RootChoice.state(found))]
            + CertificateText.fields(found["certificate"] ?? .null)
            + [
              ("Key", found.words("keyPlace") == "store" ? "in the data folder, sealed" : "in a hardware module"),
              ("Imported", "\(found["importedAt"]?.moment ?? "") by \(found.words("importedBy"))"),
            ] + (found["warnings"]?.elements ?? []).map { ("Warning", $0.text ?? "") })
      }
    }
  }

  /// `reroot roots download ROOT`.
  struct Download: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the certificate of a root to standard output as PEM; never its key.")

    @OptionGroup var root: RootArgument

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try RootChoice.find(root.root, client)
        try CertificateText.write(
          try client.bytes(.get("/roots/\(found.number("id"))/certificate")), of: found, json: server.json)
      }
    }
  }

  /// `reroot roots remove ROOT --reason WHY`.
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a root certificate and its key, which cannot be undone.")

    @OptionGroup var root: RootArgument

    @OptionGroup var why: ReasonOption

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try RootChoice.find(root.root, client)
        try client.json(.delete("/roots/\(found.number("id"))", reason: why.reason))
        try server.json ? Output.json(found) : Output.line("Removed “\(found.words("name"))”.")
      }
    }
  }
}

/// Which root a command is about.
struct RootArgument: ParsableArguments {
  @Argument(help: "The root certificate: its number, name or fingerprint.")
  var root: String
}

/// A PFX file and its password.
struct PFXPassword: ParsableArguments {
  static let discussion = """
    The password is read from --password-file, from standard input where that is no terminal, or asked for. One line break \
    at its end is not part of it.
    """

  @Argument(help: "The PFX file (.pfx or .p12).", completion: .file(extensions: ["pfx", "p12"]))
  var file: String

  @Option(help: "A file that holds the password; nobody else may read it. “-” is standard input.", completion: .file())
  var passwordFile: String?

  /// The file and its password as parts of a form.
  func parts() throws -> [FormPart] {
    let bytes = try InputFile.read(file, limit: PFX.maximumBytes + 1)
    let name = URL(fileURLWithPath: file).lastPathComponent
    return [FormPart("file", file: name, bytes: bytes), FormPart("password", secret: try password(name))]
  }

  private func password(_ name: String) throws -> SecretBytes {
    if let passwordFile { return try PasswordInput.fromFile(passwordFile) }
    return try PasswordInput.fromStandardInput(prompt: "Password of \(name): ")
  }
}

/// Roots by whatever they are called.
enum RootChoice {
  /// The root of a number, a name or a fingerprint.
  ///
  /// - Throws: ``CommandFailure`` where there is none, or more than one.
  static func find(_ text: String, _ client: APIClient) throws -> JSONValue {
    let fingerprint = Fingerprint(hex: text)?.hex
    return try ItemChoice.find(
      text, among: try client.all("/roots"), what: "root certificate", list: "reroot roots list"
    ) { fingerprint != nil && self.fingerprint(of: $0) == fingerprint }
  }

  /// 64 hexadecimal digits.
  static func fingerprint(of root: JSONValue) -> String {
    let text = root["certificate"]?.words("fingerprint") ?? ""
    return Fingerprint(hex: text)?.hex ?? text
  }

  static func state(_ root: JSONValue) -> String {
    switch root.words("state") {
    case "inForce": "in force"
    case let other: other
    }
  }
}
