import Rotation
import Yams

/// Reads components from YAML. The keys are the ones that ``ComponentWriter`` writes.
public enum ComponentReader {
  /// The components of a text, with the number 0 each: the store knows them by their names.
  ///
  /// - Parameter existing: the components that are there already; those of the text are added to them or, by their names,
  ///   take their places.
  /// - Throws: ``YAMLRefusal`` with everything that is wrong: unknown keys, wrong types, what
  ///   ``Rotation/Component/problems()`` finds, and what does not fit together, each with its line.
  public static func components(in text: String, existing: [Component] = []) throws -> [Component] {
    let problems = YAMLProblems()
    let root = try YAMLText.root(of: text)
    guard let top = YAMLMapping(root, what: "The text", known: ["components"], problems: problems) else {
      throw YAMLRefusal(problems.found)
    }
    let items = top.items("components")
    if items == nil, problems.found.isEmpty {
      problems.add(nil, "The text must hold the key 'components' with a list of components.")
    }
    var read: [(component: Component, lines: FieldLines)] = []
    for item in (items ?? []).prefix(YAMLText.largest) {
      guard let one = component(item, problems) else { continue }
      read.append(one)
      for problem in one.component.problems() where !one.lines.isReported(problem.field) {
        problems.add(one.lines.line(of: problem.field), "\(problem.field): \(problem.sentence)")
      }
    }
    // What is there already comes first, so that a clash is reported for the component of the text.
    let given = Set(read.map(\.component.name))
    let others = existing.filter { !given.contains($0.name) }
    let merged = others + read.map(\.component)
    for (index, problem) in Component.problems(among: merged) + Component.unknownPeers(among: merged)
    where index >= others.count {
      problems.add(
        read[index - others.count].lines.line(of: problem.field), "\(problem.field): \(problem.sentence)")
    }
    guard problems.found.isEmpty else { throw YAMLRefusal(problems.found) }
    return read.map(\.component)
  }

  static let keys = [
    "name", "description", "stage", "names", "usage", "key", "target", "files", "activation", "endpoints",
    "verification_time_limit", "peers",
  ]

  private static func component(_ node: Node, _ problems: YAMLProblems) -> (component: Component, lines: FieldLines)? {
    guard let map = YAMLMapping(node, what: "A component", known: keys, problems: problems) else { return nil }
    var lines = FieldLines(start: map.line)
    for key in keys { lines.set(key, map) }
    let files = files(map, &lines, problems)
    let target = TargetReader.target(map, &lines, problems)
    let activation = activation(map, &lines, problems)
    let endpoints = endpoints(map, &lines, problems)
    let missing = ["name", "names", "files"].filter { !map.has($0) }
    for key in missing {
      problems.add(map.line, "the component has no '\(key)'")
      lines.report(key)
    }
    let component = Component(
      id: Component.ID(rawValue: 0), name: map.text("name") ?? "", description: map.text("description") ?? "",
      stage: map.integer("stage", in: Component.Limits.stage) ?? 1,
      names: (map.texts("names") ?? []).map(SubjectName.init(text:)),
      usage: map.choice("usage", Component.Usage.self) ?? .server,
      key: map.choice("key", KeyKind.self) ?? .ecdsaP256, target: target, files: files, activation: activation,
      endpoints: endpoints,
      verificationTimeLimit: map.integer("verification_time_limit", in: Component.Limits.seconds) ?? 30,
      peers: map.texts("peers"))
    return (component, lines)
  }

  private static func files(_ map: YAMLMapping, _ lines: inout FieldLines, _ problems: YAMLProblems) -> FileLayout {
    let keys = ["certificate", "key", "combined", "trust_bundle", "owner", "group", "mode", "key_mode"]
    guard let files = map.mapping("files", known: keys) else {
      lines.report("files")
      return FileLayout()
    }
    for key in keys { lines.set("files.\(key)", files, key) }
    func mode(_ key: String, _ usual: FileMode) -> FileMode {
      guard let text = files.text(key) else { return usual }
      if let mode = FileMode(text) { return mode }
      problems.add(files.line(key), "'\(key)' must be three or four octal digits, such as \"0640\"")
      return usual
    }
    return FileLayout(
      certificateChain: files.text("certificate"), key: files.text("key"), combined: files.text("combined"),
      trustBundle: files.text("trust_bundle"), owner: files.text("owner"), group: files.text("group"),
      mode: mode("mode", 0o644), keyMode: mode("key_mode", 0o600))
  }

  private static func activation(
    _ map: YAMLMapping, _ lines: inout FieldLines, _ problems: YAMLProblems
  ) -> Activation {
    let keys = ["command", "signal", "pid_file", "time_limit"]
    guard let activation = map.mapping("activation", known: keys) else { return Activation() }
    for key in keys { lines.set("activation.\(key)", activation, key) }
    let limit = activation.integer("time_limit", in: Component.Limits.seconds) ?? 30
    let hasSignal = activation.has("signal") || activation.has("pid_file")
    if activation.has("command") {
      if hasSignal { problems.add(activation.line, "give either 'command', or 'signal' and 'pid_file'") }
      return Activation(method: .command(activation.texts("command") ?? []), timeLimit: limit)
    }
    guard hasSignal else { return Activation(timeLimit: limit) }
    guard let signal = activation.text("signal"), let pidFile = activation.text("pid_file") else {
      problems.add(activation.line, "'signal' and 'pid_file' must be given together")
      return Activation(timeLimit: limit)
    }
    let name = signal.hasPrefix("SIG") ? String(signal.dropFirst(3)) : signal
    return Activation(method: .signal(name, pidFile: pidFile), timeLimit: limit)
  }

  private static func endpoints(_ map: YAMLMapping, _ lines: inout FieldLines, _ problems: YAMLProblems) -> [Endpoint] {
    let keys = ["host", "port", "server_name", "transport"]
    var endpoints: [Endpoint] = []
    for item in map.items("endpoints") ?? [] {
      guard let one = YAMLMapping(item, what: "An endpoint", known: keys, problems: problems) else { continue }
      let index = endpoints.count
      for key in keys { lines.set("endpoints.\(index).\(key)", one, key) }
      for key in ["host", "port"] where !one.has(key) {
        problems.add(one.line, "the endpoint has no '\(key)'")
        lines.report("endpoints.\(index).\(key)")
      }
      let port = one.integer("port", in: 1...65535)
      if port == nil { lines.report("endpoints.\(index).port") }
      endpoints.append(
        Endpoint(
          host: one.text("host") ?? "", port: UInt16(port ?? 0), serverName: one.text("server_name"),
          transport: one.choice("transport", Endpoint.Transport.self) ?? .tls))
    }
    return endpoints
  }
}

/// Where the fields of a component stand in the text, and which of them were reported while reading.
struct FieldLines {
  private let start: Int?
  private var lines: [String: Int] = [:]
  private var reported: Set<String> = []

  init(start: Int?) { self.start = start }

  mutating func set(_ field: String, _ map: YAMLMapping, _ key: String? = nil) {
    if let line = map.line(key ?? field) { lines[field] = line }
  }

  mutating func report(_ field: String) { reported.insert(field) }

  func isReported(_ field: String) -> Bool {
    reported.contains { field == $0 || field.hasPrefix($0 + ".") }
  }

  func line(of field: String) -> Int? { lines[field] ?? start }
}
