import ArgumentParser
import Console
import Foundation
import PKI

/// `reroot trust-store`: what a running console trusts, and the certificates that it may serve.
struct TrustStoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trust-store", abstract: "Trusted authorities, and server certificates of the console.",
    subcommands: [Authorities.self, ServerCertificates.self, HTTPS.self])

  /// `reroot trust-store authorities`.
  struct Authorities: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The authorities that the console trusts.",
      subcommands: [List.self, Add.self, Download.self, Remove.self], defaultSubcommand: List.self)

    /// Lists them.
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "List the trusted authorities.")

      @OptionGroup var server: ServerOptions

      func run() async throws {
        try await server.list(
          TrustStoreCommand.authorities, ifEmpty: "There is no trusted authority.",
          [("ID", { $0.number("id") })] + CertificateText.columns { $0["certificate"] })
      }
    }

    /// Adds those of a file.
    struct Add: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Trust the authorities of a file.")

      @Argument(help: "The file: PEM with one or many certificates, or DER.", completion: .file())
      var file: String

      @OptionGroup var server: ServerOptions

      func run() async throws {
        try await Complaint.ending {
          let client = try server.client()
          let answer = try client.json(
            .post(
              TrustStoreCommand.authorities, [], .form([try TrustStoreCommand.part("file", file)]), isRepeatable: true))
          try server.json
            ? Output.json(answer)
            : Output.line("\(answer.number("added")) added, \(answer.number("known")) known already.")
        }
      }
    }

    /// Removes one.
    struct Remove: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "Trust an authority no longer.")

      @OptionGroup var entry: TrustStoreEntry

      @OptionGroup var why: ReasonOption

      func run() async throws { try await entry.remove(from: TrustStoreCommand.authorities, why.reason) }
    }

    /// Downloads one.
    struct Download: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Write the certificate of an authority to standard output as PEM.")

      @OptionGroup var entry: TrustStoreEntry

      func run() async throws { try await entry.download(from: TrustStoreCommand.authorities) }
    }
  }

  /// `reroot trust-store server-certificates`.
  struct ServerCertificates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The certificates that the console may serve HTTPS with.",
      subcommands: [List.self, Add.self, Download.self, Remove.self], defaultSubcommand: List.self)

    /// Lists them.
    struct List: AsyncParsableCommand {
      static let configuration = CommandConfiguration(abstract: "List the server certificates.")

      @OptionGroup var server: ServerOptions

      func run() async throws {
        try await server.list(
          TrustStoreCommand.serverCertificates, ifEmpty: "There is no server certificate.",
          [
            ("ID", { $0.number("id") }), ("NAME", { $0.words("name") }),
            ("SERVES", { $0["isServing"]?.flag == true ? "yes" : "no" }),
          ] + CertificateText.columns { $0["chain"]?.elements?.first })
      }
    }

    /// Adds one.
    struct Add: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Add a server certificate with its key: a PFX file, or two PEM files.",
        discussion: "The console serves it after an update with --https trust-store. \(PFXPassword.discussion)")

      @Option(help: "What administrators call it.")
      var name: String

      @Option(help: "A PFX file.", completion: .file(extensions: ["pfx", "p12"]))
      var pfx: String?

      @Option(
        help: "A file that holds the password of the PFX file; nobody else may read it. “-” is standard input.",
        completion: .file())
      var passwordFile: String?

      @Option(help: "The certificate with its chain, PEM.", completion: .file())
      var certificate: String?

      @Option(help: "Its key, PEM without a password.", completion: .file())
      var key: String?

      @OptionGroup var server: ServerOptions

      func validate() throws {
        guard (pfx != nil) != (certificate != nil), (certificate == nil) == (key == nil) else {
          throw ValidationError("Give either --pfx, or --certificate and --key.")
        }
      }

      func run() async throws {
        try await Complaint.ending {
          let client = try server.client()
          let added = try client.json(
            .post(TrustStoreCommand.serverCertificates, [], .form(try parts()), isRepeatable: true))
          try server.json
            ? Output.json(added) : Output.line("Added “\(added.words("name"))”, number \(added.number("id")).")
        }
      }

      private func parts() throws -> [FormPart] {
        var parts = [FormPart("name", name)]
        if let pfx {
          let password =
            try passwordFile.map(PasswordInput.fromFile)
            ?? PasswordInput.fromStandardInput(prompt: "Password of \(pfx): ")
          return parts + [try TrustStoreCommand.part("file", pfx), FormPart("password", secret: password)]
        }
        if let certificate { parts.append(try TrustStoreCommand.part("certificate", certificate)) }
        if let key { parts.append(try TrustStoreCommand.part("key", key)) }
        return parts
      }
    }

    /// Removes one.
    struct Remove: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Remove a server certificate and its key; not the one that serves.")

      @OptionGroup var entry: TrustStoreEntry

      @OptionGroup var why: ReasonOption

      func run() async throws { try await entry.remove(from: TrustStoreCommand.serverCertificates, why.reason) }
    }

    /// Downloads one.
    struct Download: AsyncParsableCommand {
      static let configuration = CommandConfiguration(
        abstract: "Write a server certificate with its chain to standard output as PEM; never its key.")

      @OptionGroup var entry: TrustStoreEntry

      func run() async throws { try await entry.download(from: TrustStoreCommand.serverCertificates) }
    }
  }

  /// `reroot trust-store https`.
  struct HTTPS: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "https", abstract: "Show the certificate that the console serves HTTPS with.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let found = try server.client().json(.get("/trust-store/https"))
        if server.json { return try Output.json(found) }
        Output.fields(
          [("From", found.words("source"))] + CertificateText.fields(found["chain"]?.elements?.first ?? .null))
      }
    }
  }

  static let authorities = "/trust-store/authorities"
  static let serverCertificates = "/trust-store/server-certificates"

  /// A file as a part of a form.
  static func part(_ name: String, _ path: String) throws -> FormPart {
    FormPart(
      name, file: URL(fileURLWithPath: path).lastPathComponent, bytes: try InputFile.read(path, limit: (1 << 20) + 1))
  }
}

/// An entry of the trust store that a command is about.
struct TrustStoreEntry: ParsableArguments {
  @Argument(help: "Its number.")
  var id: Int64

  @OptionGroup var server: ServerOptions

  func remove(from list: String, _ reason: String?) async throws {
    try await Complaint.ending {
      try server.client().json(.delete("\(list)/\(id)", reason: reason))
      try Output.done("Removed.", number: id, json: server.json)
    }
  }

  func download(from list: String) async throws {
    try await Complaint.ending {
      let pem = try server.client().bytes(.get("\(list)/\(id)/certificate"))
      try CertificateText.write(pem, of: ["id": .integer(id)], json: server.json)
    }
  }
}
