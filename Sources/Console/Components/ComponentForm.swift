import Delivery
import HTTP
import Rotation

/// The form of a component: the values as they were typed, and the component that they make.
struct ComponentForm {
  /// Every field by its name; the names are those of ``Rotation/FieldProblem/field`` and of the YAML.
  private(set) var values: [String: String]
  /// How many rows for endpoints there are.
  private(set) var endpointRows: Int

  /// More rows than anybody fills in by hand; the YAML takes more.
  static let endpointLimit = 32
  private static let emptyRows = 2
  /// The fields of a row of which one that is filled in makes an endpoint.
  private static let rowFields = ["host", "addresses", "port", "server_name"]

  /// The form of a new component.
  init() {
    self.init(
      Component(
        id: Component.ID(rawValue: 0), name: "", names: [], files: FileLayout(), activation: Activation()))
  }

  /// The form of a new component of a kind. The words of commands still say `{key}`, so that they follow the paths that
  /// are typed.
  init(_ preset: Preset) {
    var component = Component(
      id: Component.ID(rawValue: 0), name: "", kind: preset.kind, names: [], files: preset.files,
      activation: preset.activation, verificationTimeLimit: preset.verificationTimeLimit)
    if let port = preset.ports.first {
      component.endpoints = [Endpoint(host: "", port: port.number, transport: port.transport)]
    }
    self.init(component)
  }

  /// The form of a component that is there.
  init(_ component: Component) {
    let files = component.files
    values = [
      "name": component.name, "description": component.description, "kind": component.kind ?? "",
      "stage": String(component.stage),
      "names": component.names.map(\.text).joined(separator: "\n"), "usage": component.usage.rawValue,
      "key": component.key.rawValue, "key.made": (component.keyMade ?? .byReroot).rawValue,
      "files.certificate": files.certificateChain ?? "", "files.key": files.key ?? "",
      "files.combined": files.combined ?? "", "files.trust_bundle": files.trustBundle ?? "",
      "files.key_store": files.keyStore ?? "", "files.trust_store": files.trustStore ?? "",
      "files.store_password_file": files.storePasswordFile ?? "",
      "files.owner": files.owner ?? "", "files.group": files.group ?? "", "files.mode": files.mode.description,
      "files.key_mode": files.keyMode.description, "activation.time_limit": String(component.activation.timeLimit),
      "verification_time_limit": String(component.verificationTimeLimit),
      "peers.choice": component.peers == nil ? "all" : "named",
      "peers": (component.peers ?? []).joined(separator: "\n"), "maintenance": component.maintenance ?? "",
      "restart": (component.rollingGroup == nil ? Restart.atOnce : .rolling).rawValue,
      "group": component.rollingGroup ?? "",
    ]
    values.merge(TargetFields.values(of: component.target)) { own, _ in own }
    values["activation.check"] = (component.activation.check ?? []).joined(separator: "\n")
    switch component.activation.method {
    case .none: values["activation.method"] = "none"
    case .command(let words):
      values["activation.method"] = "command"
      values["activation.command"] = words.joined(separator: "\n")
    case .haproxySocket(let socket):
      values["activation.method"] = "haproxy"
      values["activation.haproxy_socket"] = socket
    case .signal(let name, let pidFile):
      values["activation.method"] = "signal"
      values["activation.signal"] = name
      values["activation.pid_file"] = pidFile
    }
    for (index, endpoint) in component.endpoints.enumerated() {
      values["endpoints.\(index).host"] = endpoint.host
      values["endpoints.\(index).addresses"] = (endpoint.addresses ?? []).joined(separator: ", ")
      values["endpoints.\(index).port"] = String(endpoint.port)
      values["endpoints.\(index).server_name"] = endpoint.serverName ?? ""
      values["endpoints.\(index).transport"] = endpoint.transport.rawValue
    }
    endpointRows = min(Self.endpointLimit, component.endpoints.count + Self.emptyRows)
  }

  /// The form as it was sent.
  init(_ form: Form) {
    values = Dictionary(form.fields.map { ($0.name, $0.value) }) { first, _ in first }
    values["csrf"] = nil
    let filled = (0..<Self.endpointLimit).last { index in
      Self.rowFields.contains { !(form["endpoints.\(index).\($0)"] ?? "").isEmpty }
    }
    endpointRows = min(Self.endpointLimit, (filled.map { $0 + 1 } ?? 0) + Self.emptyRows)
  }

  /// A field's text; empty when it was not sent.
  func text(_ field: String) -> String { values[field] ?? "" }

  /// The component that the values make, and what is wrong with them. The fields of the problems are the form's.
  func component(id: Component.ID) -> (component: Component, problems: [FieldProblem]) {
    var problems: [FieldProblem] = []
    let (endpoints, rows) = endpoints(&problems)
    let files = files(&problems)
    let component = Component(
      id: id, name: trimmed("name"), description: trimmed("description"), kind: kind(&problems),
      stage: number("stage", in: Component.Limits.stage, &problems),
      names: lines("names").map(SubjectName.init(text:)), usage: choice("usage", .server, &problems),
      key: choice("key", .ecdsaP256, &problems), keyMade: keyMade(&problems), target: target(&problems), files: files,
      activation: activation(&problems).naming(files), endpoints: endpoints,
      verificationTimeLimit: number("verification_time_limit", in: Component.Limits.seconds, &problems),
      peers: text("peers.choice") == "named" ? lines("peers") : nil,
      maintenance: trimmed("maintenance").isEmpty ? nil : trimmed("maintenance"),
      // A group that stands there from before is left by choosing another restart.
      rollingGroup: choice("restart", Restart.atOnce, &problems) == .rolling ? trimmed("group") : nil)
    let known = Set(problems.map(\.field))
    let found = component.problems().map { problem in
      FieldProblem(field: Self.field(problem.field, rows), sentence: problem.sentence)
    }
    return (component, problems + found.filter { !known.contains($0.field) })
  }

  private func sudo(_ problems: inout [FieldProblem]) -> Bool {
    switch text("target.ssh.sudo") {
    case "yes": return true
    case "no", "": return false
    default:
      problems.append(FieldProblem(field: "target.ssh.sudo", sentence: "Choose one of the values in the list."))
      return false
    }
  }

  private func target(_ problems: inout [FieldProblem]) -> Target {
    switch text("target") {
    case "local", "": return .local
    case "ssh":
      return .ssh(
        SSHTarget(
          host: trimmed("target.ssh.host"), port: UInt16(number("target.ssh.port", in: 1...65535, &problems)),
          user: trimmed("target.ssh.user"), identityFile: trimmed("target.ssh.identity_file"),
          hostKey: trimmed("target.ssh.host_key"), sudo: sudo(&problems)))
    default:
      problems.append(FieldProblem(field: "target", sentence: "Choose one of the values in the list."))
      return .local
    }
  }

  private func endpoints(_ problems: inout [FieldProblem]) -> (endpoints: [Endpoint], rows: [Int]) {
    var endpoints: [Endpoint] = []
    var rows: [Int] = []
    for row in 0..<Self.endpointLimit {
      let prefix = "endpoints.\(row)."
      guard Self.rowFields.contains(where: { !trimmed(prefix + $0).isEmpty }) else { continue }
      let name = trimmed(prefix + "server_name")
      endpoints.append(
        Endpoint(
          host: trimmed(prefix + "host"), port: UInt16(number(prefix + "port", in: 1...65535, &problems)),
          serverName: name.isEmpty ? nil : name, addresses: words(prefix + "addresses"),
          transport: choice(prefix + "transport", .tls, &problems)))
      rows.append(row)
    }
    return (endpoints, rows)
  }

  /// Reroot is what a component has that says nothing of it.
  private func keyMade(_ problems: inout [FieldProblem]) -> KeyOrigin? {
    let made = choice("key.made", KeyOrigin.byReroot, &problems)
    return made == .byReroot ? nil : made
  }

  private func files(_ problems: inout [FieldProblem]) -> FileLayout {
    func path(_ field: String) -> String? { trimmed(field).isEmpty ? nil : trimmed(field) }
    func mode(_ field: String, _ usual: FileMode) -> FileMode {
      let text = trimmed(field)
      if text.isEmpty { return usual }
      if let mode = FileMode(text) { return mode }
      problems.append(FieldProblem(field: field, sentence: "Give three or four octal digits, such as 0640."))
      return usual
    }
    return FileLayout(
      certificateChain: path("files.certificate"), key: path("files.key"), combined: path("files.combined"),
      trustBundle: path("files.trust_bundle"), keyStore: path("files.key_store"),
      trustStore: path("files.trust_store"), storePasswordFile: path("files.store_password_file"),
      owner: path("files.owner"), group: path("files.group"), mode: mode("files.mode", 0o644),
      keyMode: mode("files.key_mode", 0o600))
  }

  private func kind(_ problems: inout [FieldProblem]) -> String? {
    let kind = trimmed("kind")
    if kind.isEmpty || Preset.named(kind) != nil { return kind.isEmpty ? nil : kind }
    problems.append(FieldProblem(field: "kind", sentence: "Choose one of the values in the list."))
    return nil
  }

  private func activation(_ problems: inout [FieldProblem]) -> Activation {
    let check = lines("activation.check", trimming: false)
    return Activation(
      method: method(&problems), timeLimit: number("activation.time_limit", in: Component.Limits.seconds, &problems),
      check: check.isEmpty ? nil : check)
  }

  private func method(_ problems: inout [FieldProblem]) -> Activation.Method {
    switch text("activation.method") {
    case "command": return .command(lines("activation.command", trimming: false))
    case "signal": return .signal(trimmed("activation.signal"), pidFile: trimmed("activation.pid_file"))
    case "haproxy": return .haproxySocket(trimmed("activation.haproxy_socket"))
    case "none", "": return .none
    default:
      problems.append(FieldProblem(field: "activation.method", sentence: "Choose how the component is activated."))
      return .none
    }
  }

  private func trimmed(_ field: String) -> String { text(field).trimmingWhitespace() }

  /// One value to a line. A word of a command may begin or end with a space, so those are kept where that is asked for.
  private func lines(_ field: String, trimming: Bool = true) -> [String] {
    var lines = text(field).split(omittingEmptySubsequences: false) { $0.isNewline }.map(String.init)
    if trimming { lines = lines.map { $0.trimmingWhitespace() } }
    return lines.filter { !$0.isEmpty }
  }

  /// Addresses after each other, with commas or spaces between them; nil for none.
  private func words(_ field: String) -> [String]? {
    let words = text(field).split { $0.isWhitespace || $0 == "," }.map { $0.lowercased() }
    return words.isEmpty ? nil : words
  }

  private func number(_ field: String, in range: ClosedRange<Int>, _ problems: inout [FieldProblem]) -> Int {
    let text = trimmed(field)
    if text.utf8.count <= 9, let number = Int(text), range.contains(number) { return number }
    problems.append(
      FieldProblem(field: field, sentence: "Give a whole number from \(range.lowerBound) to \(range.upperBound)."))
    return range.lowerBound
  }

  private func choice<Value: RawRepresentable>(
    _ field: String, _ usual: Value, _ problems: inout [FieldProblem]
  ) -> Value where Value.RawValue == String {
    let text = text(field)
    if text.isEmpty { return usual }
    if let value = Value(rawValue: text) { return value }
    problems.append(FieldProblem(field: field, sentence: "Choose one of the values in the list."))
    return usual
  }

  /// Problems count the endpoints that are filled in, the form counts its rows.
  private static func field(_ field: String, _ rows: [Int]) -> String {
    let parts = field.split(separator: ".")
    guard parts.count == 3, parts[0] == "endpoints", let index = Int(parts[1]), rows.indices.contains(index) else {
      return field == "endpoints" ? "endpoints.0.host" : field
    }
    return "endpoints.\(rows[index]).\(parts[2])"
  }
}

extension String {
  fileprivate func trimmingWhitespace() -> String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
