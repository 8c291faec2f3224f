import ArgumentParser
import Console
import Foundation
import Rotation
import Store

/// `reroot components`: the components, of a running console or in a data folder.
struct ComponentsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "components", abstract: "Add, change, test and print components.",
    discussion: "With --data, apply and export work on a data folder on which no server runs.",
    subcommands: [
      List.self, Show.self, ComponentsFind.self, Apply.self, Test.self, Export.self, Rename.self, Remove.self,
    ])

  /// `reroot components list`.
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the components, by stage and name.")

    @Option(help: "Only those whose name contains this.")
    var name: String?

    @Option(help: "Only those of this stage.")
    var stage: Int64?

    @Option(help: "Only those that stand so, as the column STATE says it.")
    var state: ComponentStateWord?

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await server.list(
        "/components", [("name", name), ("stage", stage.map { "\($0)" }), ("state", state?.text)],
        ifEmpty: "There is no such component.",
        [
          ("ID", { $0.number("id") }), ("NAME", { $0.words("name") }), ("KIND", { $0.words("kind") }),
          ("STAGE", { $0.number("stage") }), ("STATE", { $0.words("state") }), ("ROOT", { $0.words("root") }),
          ("UNTIL", { $0["notAfter"]?.day ?? "" }),
        ])
    }
  }

  /// `reroot components show NAME`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show how a component stands, and what its endpoints served.")

    @Argument(help: "The component: its name or number.")
    var component: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try ComponentChoice.find(component, client)
        if server.json { return try Output.json(found) }
        Output.fields(
          [
            ("Name", found.words("name")), ("Kind", found.words("kind")), ("Stage", found.number("stage")),
            ("State", found.words("state")), ("Root", found.words("root")), ("SHA-256", found.words("fingerprint")),
            ("Valid until", found["notAfter"]?.moment ?? ""),
          ]
            + (found["seen"]?.elements ?? []).map { seen in
              (
                seen.words("endpoint"),
                "\(seen.words("subject")), SHA-256 \(seen.words("fingerprint")), "
                  + "seen \(seen["seenAt"]?.moment ?? "")"
              )
            })
      }
    }
  }

  /// `reroot components apply FILE`: adds and changes components by their names.
  struct Apply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add or change components from a YAML file.",
      discussion: """
        Components are known by their names; those that are not in the file stay. Nothing is changed when anything in the \
        file is wrong. With --dry-run nothing is changed at all, and the difference is printed.
        """)

    @Argument(help: "The YAML file; “-” is standard input.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Flag(help: "Change nothing; print what would be changed.")
    var dryRun = false

    @OptionGroup var place: PlaceOptions

    func run() async throws {
      try await Complaint.ending {
        guard let store = try place.store() else { return try applyOverAPI() }
        if dryRun || place.server.json {
          // Standard input can be read once only.
          guard dryRun || file != "-" else { throw ValidationError("With --json and --data, give a file.") }
          let difference = try await ComponentsFile.difference(file, in: store)
          if !dryRun { _ = try await ComponentsFile.apply(file, to: store) }
          try show(difference.map(\.json))
        } else {
          Output.line(try await ComponentsFile.apply(file, to: store))
        }
        try store.close()
      }
    }

    private func applyOverAPI() throws {
      let client = try place.server.client()
      let answer = try client.json(
        .post(
          "/component-lists", [("dryRun", dryRun ? "true" : "false")], .yaml(try ComponentsFile.bytes(file)),
          isRepeatable: true))
      try show(answer["components"]?.elements ?? [])
    }

    private func show(_ difference: [JSONValue]) throws {
      if place.server.json {
        return try Output.json(["isDryRun": .bool(dryRun), "components": .array(difference)])
      }
      let terminal = Terminal.current()
      Output.text(
        ComponentDifferenceText.of(difference, isDryRun: dryRun, hasColours: terminal.hasColours) + "\n")
    }
  }

  /// `reroot components test NAME…`.
  struct Test: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Test components: their files, folders and endpoints. Nothing is changed.",
      discussion: "Exit status: 0 when nothing stands in the way of an update, 1 when something does.")

    @Argument(help: "The components: names or numbers (default: all).")
    var components: [String] = []

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let chosen = try ComponentChoice.find(components, client)
        var results: [JSONValue] = []
        for component in chosen {
          let result = try client.json(.post("/components/\(component.number("id"))/test"))
          results.append(["name": .string(component.words("name")), "result": result])
          if !server.json { Output.line(ComponentTestText.of(component.words("name"), result)) }
        }
        if server.json { try Output.json(results) }
        if results.contains(where: { $0["result"]?["isFine"]?.flag != true }) { throw ExitCode(1) }
      }
    }
  }

  /// `reroot components export`: prints all components.
  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print all components as YAML, which `apply` takes.",
      discussion: "With --json as JSON, which it takes, too.")

    @OptionGroup var place: PlaceOptions

    func run() async throws {
      try await Complaint.ending {
        let text = try await text()
        guard place.server.json else {
          _ = try Output.bytes(text)
          return
        }
        let components = try ComponentReader.components(in: String(decoding: text, as: UTF8.self))
        try Output.json(["components": .array(try components.map(ComponentJSON.value))])
      }
    }

    private func text() async throws -> [UInt8] {
      guard let store = try place.store() else {
        return try place.server.client().bytes(.get("/component-lists"))
      }
      let text = ComponentWriter.text(try await store.components())
      try store.close()
      return Array(text.utf8)
    }
  }

  /// `reroot components rename NAME OTHER`.
  struct Rename: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give a component another name.",
      discussion: "`apply` knows components by their names, and would add one of the other name.")

    @Argument(help: "The component: its name or number.")
    var component: String

    @Argument(help: "The other name.")
    var name: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try ComponentChoice.find(component, client)
        let path = "/components/\(found.number("id"))"
        let (former, tag) = try client.tagged(.get(path))
        guard case .object(var members)? = former["component"] else { return }
        members["name"] = .string(name)
        var request = APIRequest(method: "PUT", path: path)
        request.ifMatch = tag
        request.body = .json(.object(members))
        let renamed = try client.json(request)
        try server.json ? Output.json(renamed) : Output.line("“\(found.words("name"))” is “\(name)” now.")
      }
    }
  }

  /// `reroot components remove NAME --reason WHY`.
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove a component. Its files are not touched.")

    @Argument(help: "The component: its name or number.")
    var component: String

    @OptionGroup var why: ReasonOption

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        let found = try ComponentChoice.find(component, client)
        try client.json(.delete("/components/\(found.number("id"))", reason: why.reason))
        try server.json ? Output.json(found) : Output.line("Removed “\(found.words("name"))”.")
      }
    }
  }
}

/// Components by whatever they are called.
enum ComponentChoice {
  /// - Throws: ``CommandFailure`` where there is none.
  static func find(_ text: String, _ client: APIClient) throws -> JSONValue { try find([text], client)[0] }

  /// Those of the names or numbers, all where none is given.
  static func find(_ texts: [String], _ client: APIClient) throws -> [JSONValue] {
    let all = try client.all("/components")
    guard !texts.isEmpty else { return all }
    return try texts.map {
      try ItemChoice.find($0, among: all, what: "component", list: "reroot components list")
    }
  }
}
