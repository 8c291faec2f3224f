import Delivery
import Foundation
import Rotation
import Testing

@testable import Console
@testable import Store

@Suite("Components as YAML", .timeLimit(.minutes(1))) struct ComponentYAMLTests {
  private func read(_ text: String, existing: [Component] = []) throws -> [Component] {
    try ComponentReader.components(in: text, existing: existing)
  }

  /// What a refusal says, a line each; empty when the text was taken.
  private func problems(_ text: String, existing: [Component] = []) -> [String] {
    do {
      _ = try read(text, existing: existing)
      return []
    } catch let refusal as YAMLRefusal {
      return refusal.problems.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  static let minimal = """
    components:
      - name: a
        names: [a.example]
        files:
          certificate: /a/c
          key: /a/k

    """

  static let remote = """
        target:
          ssh:
            host: gw1
            port: 2222
            user: reroot
            identity_file: /etc/reroot/id
            host_key: "\(ComponentFormTests.hostKey)"
            sudo: true

    """

  @Test("A target by SSH is read, and written and read back the same")
  func target() throws {
    let component = try #require(try read(Self.minimal + Self.remote).first)
    let ssh = SSHTarget(
      host: "gw1", port: 2222, user: "reroot", identityFile: "/etc/reroot/id", hostKey: ComponentFormTests.hostKey,
      sudo: true)
    #expect(component.target == .ssh(ssh))
    #expect(try read(ComponentWriter.text([component, ComponentFormTests.bare])).first == component)
    #expect(try read(Self.minimal + "    target: local\n").first?.target == .local)
  }

  /// The ways in which a component has its files and its key.
  enum FileKind: CaseIterable {
    case separate, combined, stores, keptKey

    func files(_ base: String) -> FileLayout {
      switch self {
      case .separate, .keptKey: FileLayout(certificateChain: base + "/c", key: base + "/k", trustBundle: base + "/t")
      case .combined: FileLayout(combined: base + "/all", owner: "root", group: "0", mode: 0o600, keyMode: 0o400)
      case .stores: FileLayout(keyStore: base + "/k", trustStore: base + "/t", storePasswordFile: base + "/p")
      }
    }
  }

  /// Every combination of usage, key, files, activation, endpoints and peers.
  static var combinations: [Component] {
    var made: [Component] = []
    for usage in Component.Usage.allCases {
      for key in KeyKind.allCases {
        for (index, activation) in [
          Activation(), Activation(method: .command(["/bin/x", "", "a b", "#", "-: *x &y"]), timeLimit: 1),
          Activation(method: .signal("HUP", pidFile: "/run/x.pid"), timeLimit: 3600, check: ["/bin/c", "-t", "x y"]),
        ].enumerated() {
          for kind in FileKind.allCases {
            let isCombined = kind == .combined
            let number = made.count
            let base = "/srv/\(number)"
            made.append(
              Component(
                id: Component.ID(rawValue: 0), name: "c\(number)", description: number % 2 == 0 ? "" : "d: \(number)",
                kind: number % 4 == 1 ? Preset.kinds[number % Preset.kinds.count] : nil,
                stage: number % 1000 + 1, names: [.dns("c\(number).example"), .ip("::1")], usage: usage, key: key,
                keyMade: kind == .keptKey ? .onTarget : nil, files: kind.files(base),
                activation: activation,
                endpoints: usage == .client
                  ? []
                  : [
                    Endpoint(
                      host: index == 2 ? "" : "::1", port: 1, serverName: index == 0 ? nil : "x.example",
                      addresses: index == 0 ? nil : ["192.0.2.1", "2001:db8::1"],
                      transport: Endpoint.Transport.allCases[number % Endpoint.Transport.allCases.count])
                  ],
                verificationTimeLimit: index + 1, peers: index == 0 ? nil : index == 1 ? [] : ["c0"],
                maintenance: index == 0 ? nil : "ask: \"first\"\n#then", rollingGroup: isCombined ? "g\(number)" : nil))
          }
        }
      }
    }
    return made
  }

  @Test("What is written is read back the same, for every combination")
  func roundTrip() throws {
    let all = Self.combinations
    #expect(all.count == 216)
    #expect(try read(ComponentWriter.text(all)) == all)
    #expect(ComponentWriter.text(try read(ComponentWriter.text(all))) == ComponentWriter.text(all))
    #expect(try read(ComponentWriter.text([])) == [])
  }

  @Test(
    "Hostile text is written and read back the same",
    arguments: [
      "<script>alert(1)</script>", "a\nb: c", "\"quoted\" 'single' \\back", "# no comment", "null", "~", "yes", "0x10",
      "*alias &anchor", "- item", "{a: b}", "[x]", "!!binary x", "%TAG", "@at", "`tick", "a: *b", "é ü 漢字 🙂", "---",
      "...", "tab\there", "&x", "x *y* z", "\"*z\"", "'&q'",
    ])
  func hostile(_ text: String) throws {
    var component = ComponentFormTests.bare
    component.description = text
    component.maintenance = text
    #expect(try read(ComponentWriter.text([component])) == [component])
  }

  @Test("What is left out gets the values that the form begins with")
  func defaults() throws {
    let component = try #require(try read(Self.minimal).first)
    let expected = Component(
      id: Component.ID(rawValue: 0), name: "a", names: [.dns("a.example")],
      files: FileLayout(certificateChain: "/a/c", key: "/a/k"))
    #expect(component == expected)
  }

  @Test("A key may be given by its algorithm alone, or with who makes it")
  func keyMade() throws {
    func key(_ text: String) throws -> (KeyKind, KeyOrigin?) {
      let component = try #require(try read(Self.minimal + "    key: \(text)\n").first)
      return (component.key, component.keyMade)
    }
    #expect(try key("rsa-3072") == (.rsa3072, nil))
    #expect(try key("{algorithm: rsa-3072}") == (.rsa3072, nil))
    #expect(try key("{algorithm: rsa-3072, made: by-reroot}") == (.rsa3072, nil))
    #expect(try key("{made: on-target}") == (.ecdsaP256, .onTarget))
    #expect(try key("{algorithm: ed25519, made: on-target}") == (.ed25519, .onTarget))
  }

  /// A text, and the first thing that must be said of it.
  static let refusals: [(String, String)] = [
    ("components:\n  - nmae: a\n", "line 2: unknown key 'nmae'; did you mean 'name'?"),
    (minimal + "    endpoint: []\n", "line 7: unknown key 'endpoint'; did you mean 'endpoints'?"),
    (minimal + "    keyMode: x\n", "line 7: unknown key 'keyMode'"),
    (minimal + "    colour: red\n", "line 7: unknown key 'colour'; possible are name, "),
    (minimal + "    stage: first\n", "line 7: 'stage' must be a whole number from 1 to 1000"),
    (minimal + "    stage: 1001\n", "line 7: 'stage' must be a whole number from 1 to 1000"),
    (minimal + "    stage: [1]\n", "line 7: 'stage' must be text, not a list"),
    (
      minimal + "    usage: sever\n",
      "line 7: 'usage' must be one of server, client, both, not 'sever'; did you mean 'server'?"
    ),
    (minimal + "    key: {algorithm: dsa}\n", "line 7: 'algorithm' must be one of ecdsa-p256, "),
    (
      minimal + "    key: {made: on-taget}\n",
      "line 7: 'made' must be one of by-reroot, on-target, not 'on-taget'; did you mean 'on-target'?"
    ),
    (minimal + "    key: {size: 1}\n", "line 7: unknown key 'size'"),
    (
      "components:\n  - name: a\n    names: [a.example]\n    key: {made: on-target}\n    files: {combined: /a}\n",
      "line 4: key.made: A key made on the target needs a key file of its own (PEM)"
    ),
    (minimal + "    peers: a\n", "line 7: 'peers' must be a list, not text"),
    (minimal + "    target: moon\n", "line 7: 'target' must be local, or have the key 'ssh'"),
    (minimal + "    target: {shh: {}}\n", "unknown key 'shh'; did you mean 'ssh'?"),
    (minimal + "    target: {ssh: gw1}\n", "'ssh' must be a list of keys and values, not text"),
    (minimal + "    target:\n      ssh: {host: gw1}\n", "line 8: the target has no 'host_key'"),
    (minimal + remote.replacing("sudo: true", with: "sudo: 1"), "line 14: 'sudo' must be true or false, not '1'"),
    (minimal + remote.replacing("gw1", with: "-gw1"), "line 9: target.ssh.host: “-gw1” is not a host name"),
    (minimal + "    endpoints: {host: a}\n", "line 7: 'endpoints' must be a list, not keys and values"),
    (minimal + "    endpoints:\n      - host: a.example\n", "line 8: the endpoint has no 'port'"),
    (
      minimal + "    endpoints:\n      - port: 1\n        addresses: []\n",
      "line 8: the endpoint has no 'host' and no 'addresses'"
    ),
    (
      minimal + "    endpoints:\n      - port: 1\n        addresses: [b.example]\n",
      "line 9: endpoints.0.addresses: “b.example” is not an IP address"
    ),
    (minimal + "    restart: rolling\n", "line 7: 'restart: rolling' needs a 'group'"),
    (minimal + "    restart: at_once\n    group: web\n", "line 8: group: A group is for a rolling restart only"),
    (minimal + "    group: web\n", "line 7: group: A group is for a rolling restart only"),
    (minimal + "    restart: roling\n    group: web\n", "'roling'; did you mean 'rolling'?"),
    (minimal + "    restart: rolling\n    group: \"\"\n", "line 8: group: Name the group"),
    (
      minimal + "    restart: rolling\n    group: web\n  - name: b\n    names: [b.example]\n    stage: 2\n"
        + "    files: {certificate: /b/c, key: /b/k}\n    restart: rolling\n    group: web\n",
      "line 14: group: The group “web” is in stage 1, by “a”"
    ),
    (minimal + "    activation:\n      signal: HUP\n", "line 8: 'signal' and 'pid_file' must be given together"),
    (
      minimal + "    activation:\n      command: [/a]\n      signal: HUP\n",
      "line 8: give either 'command', or 'signal'"
    ),
    (minimal + "    name: b\n", "the key 'name' is given twice"),
    (minimal + "    peers: [nobody]\n", "line 7: peers: There is no component of the name “nobody”."),
    (minimal + minimal.dropFirst("components:\n".count), "There is a component of the name “a” already."),
    ("components: &a\n  - *a\n", "line 1: anchors and aliases"),
    ("a: &a [x]\nb: [*a, *a]\n", "line 1: anchors and aliases"),
    ("components:\n- name: \"x *y\"\n", "line 2: anchors and aliases"),
    ("- a\n", "The text must be a list of keys and values, not a list"),
    ("x", "The text must be a list of keys and values, not text"),
    ("", "The text is empty."), ("# nothing\n", "The text is empty."),
    ("other: 1\n", "unknown key 'other'"), ("components: 5\n", "'components' must be a list, not text"),
    ("components:\n  - just text\n", "line 2: A component must be a list of keys and values, not text"),
    ("components:\n\t- a\n", "this is no YAML"), ("a: [", "this is no YAML"), ("a: b: c", "this is no YAML"),
    ("a: 1\n---\nb: 2\n", "this is no YAML"), ("{\"a\": \u{1}}", "The text holds characters that YAML does not allow."),
    ("components:\n  - [name]: a\n", "a key must be a word"),
  ]

  @Test("What is wrong is said with its line and what was perhaps meant", arguments: refusals)
  func refusal(_ text: String, _ sentence: String) {
    let found = problems(text)
    #expect(found.contains { $0.contains(sentence) }, "\(found)")
  }

  @Test("Everything that is wrong is said at once, in the order of the lines")
  func allAtOnce() {
    let found = problems("components:\n  - name: a\n    sage: 1\n    usage: x\n  - names: 5\n    files: 6\n")
    let lines = found.compactMap { HTML.first(#"^line (\d+)"#, in: $0).flatMap { Int($0) } }
    #expect(lines == lines.sorted())
    #expect(lines.contains(3) && lines.contains(4) && lines.contains(5))
  }

  @Test("A billion laughs cost nothing")
  func billionLaughs() {
    var text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
    for level in 1...9 {
      text += "a\(level): &a\(level) [\((0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ","))]\n"
    }
    let start = ContinuousClock.now
    #expect(problems(text).first?.contains("anchors and aliases") == true)
    #expect(ContinuousClock.now - start < .seconds(1))
  }

  /// Texts that are short to write and long to read.
  enum Deep: String, CaseIterable {
    case lists = "["
    case mappings = "{a: "
    case items = "x,"
    case dashes = "- "
    case questions = "? "

    var text: String {
      let many = String(repeating: rawValue, count: 100_000)
      return self == .items ? "components: [" + many + "]" : many
    }
  }

  @Test("Deep nesting and a hundred thousand items are refused or read in a moment", arguments: Deep.allCases)
  func deep(_ row: Deep) {
    let start = ContinuousClock.now
    #expect(!problems(row.text).isEmpty)
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test("A text of exactly 1 MiB is read, one byte more is not", arguments: [(0, true), (1, false)])
  func size(_ extra: Int, _ isTaken: Bool) {
    let text = Self.minimal + "#" + String(repeating: "x", count: (1 << 20) - Self.minimal.utf8.count - 1 + extra)
    #expect(problems(text).isEmpty == isTaken)
  }

  @Test("README's examples are taken as they stand")
  func readme() throws {
    let text = try String(contentsOfFile: TestConsole.packageFolder + "/README.md", encoding: .utf8)
    let examples = HTML.all("```yaml\n(.*?)```", in: text)
    #expect(examples.count >= 2)
    for example in examples where example.hasPrefix("components:") { #expect(problems(example) == []) }
  }
}

@Suite("Importing and exporting components", .timeLimit(.minutes(2))) struct ComponentImportTests {
  private static let two = """
    components:
      - name: a
        names: [a.example]
        files: {certificate: /a/c, key: /a/k}
        peers: [b]
      - name: b
        names: [b.example]
        files: {certificate: /b/c, key: /b/k}

    """

  @Test("A list is added, changed by its names, and exported to the same")
  func upload() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/import")
      let file = FilePart("list.yaml", Self.two)
      let answer = try await browser.submit(page, nil, [:], files: [("file", file)])
      #expect(answer.status == 303)
      #expect(try await browser.follow(answer).says("2 components added (a and b)."))
      let ids = try await console.store.components().map(\.id)
      let exported = try await browser.get("/components/export")
      #expect(exported.header("content-disposition") == "attachment; filename=\"components.yaml\"")
      let again = try await browser.submit(page, nil, ["yaml": exported.html])
      #expect(try await browser.follow(again).says("2 unchanged."))
      let changed = exported.html.replacing("stage: 1", with: "stage: 3")
      _ = try await browser.submit(page, nil, ["yaml": changed])
      #expect(try await console.store.components().map(\.stage) == [3, 3])
      #expect(try await console.store.components().map(\.id) == ids)
    }
  }

  @Test(
    "An import is all or nothing, shows every error, and keeps what was pasted",
    arguments: [
      two.replacing("/b/k", with: "relative"), two.replacing("[b]", with: "[c]"), two.replacing("/b/c", with: "/a/c"),
      two + "  - nme: c\n",
    ])
  func allOrNothing(_ text: String) async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/import")
      let answer = try await browser.submit(page, nil, ["yaml": text])
      #expect(answer.status == 422)
      #expect(answer.says("Nothing was imported"))
      #expect(answer.error(of: "yaml")?.contains("line ") == true || answer.says("The list has"))
      #expect(try answer.form().value("yaml")?.replacing("\r\n", with: "\n") == text)
      #expect(try await console.store.components().isEmpty)
    }
  }

  @Test(
    "Nothing, blanks and what is no UTF-8 are refused with a sentence",
    arguments: [
      ("", [], "Choose a file"), (" \n", [], "Choose a file"), ("", [0xFF, 0xFE, 0x00], "no text in UTF-8"),
    ] as [(String, [UInt8], String)])
  func odd(_ text: String, _ bytes: [UInt8], _ sentence: String) async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/import")
      let files = bytes.isEmpty ? [] : [("file", FilePart("x.yaml", bytes))]
      let answer = try await browser.submit(page, nil, ["yaml": text], files: files)
      #expect(answer.status == 422)
      #expect(answer.says(sentence))
    }
  }

  @Test(
    "A file that is nothing but brackets is refused, and the server lives on", arguments: ["[", "{a: ", "- ", "? "])
  func brackets(_ piece: String) async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/import")
      let text = String(repeating: piece, count: (1 << 20) / piece.utf8.count)
      let answer = try await browser.submit(page, nil, [:], files: [("file", FilePart("x.yaml", text))])
      #expect(answer.status == 422)
      #expect(answer.says("Nothing was imported"))
      #expect(try await browser.get("/components").status == 200)
    }
  }

  @Test("A file over 1 MiB is a 413 with the form and a sentence")
  func tooLarge() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/import")
      let file = FilePart("x.yaml", [UInt8](repeating: 0x23, count: 2 << 20))
      let answer = try await browser.submit(page, nil, [:], files: [("file", file)])
      #expect(answer.status == 413)
      #expect(answer.says("Import components"))
      #expect(answer.says("Nothing was imported"))
    }
  }
}
