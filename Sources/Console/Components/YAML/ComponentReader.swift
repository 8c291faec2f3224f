import Delivery
import Rotation
import Yams

/// Reads components from YAML. The keys are the ones that ``ComponentWriter`` writes.
public enum ComponentReader {
  /// The components of a text, with the number 0 each: the store knows them by their names.
  ///
  /// - Parameter existing: the components that are there already; those of the text are added to them or, by their names,
  ///   take their places.
  /// - Parameter own: what is Reroot's own, and no component's file.
  /// - Parameter isAlone: whether the text is no list of components that belong together, but one of them: its peers are
  ///   then for the caller to look for.
  /// - Throws: ``YAMLRefusal`` with everything that is wrong: unknown keys, wrong types, what
  ///   ``Rotation/Component/problems()`` finds, and what does not fit together, each with its line.
  public static func components(
    in text: String, existing: [Component] = [], own: Belongings = .none, isAlone: Bool = false
  ) throws -> [Component] {
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
      for problem in one.component.problems() + one.component.placeProblems(own)
      where !one.lines.isReported(problem.field) {
        problems.add(one.lines.line(of: problem.field), "\(problem.field): \(problem.sentence)")
      }
    }
    // What is there already comes first, so that a clash is reported for the component of the text.
    let given = Set(read.map(\.component.name))
    let others = existing.filter { !given.contains($0.name) }
    let merged = others + read.map(\.component)
    let unknown = isAlone ? [] : Component.unknownPeers(among: merged)
    for (index, problem) in Component.problems(among: merged) + unknown
    where index >= others.count {
      problems.add(
        read[index - others.count].lines.line(of: problem.field), "\(problem.field): \(problem.sentence)")
    }
    guard problems.found.isEmpty else { throw YAMLRefusal(problems.found) }
    return read.map(\.component)
  }

  static let keys = [
    "name", "description", "kind", "maintenance", "stage", "restart", "group", "names", "usage", "key", "target",
    "files",
    "activation", "endpoints",
    "verification_time_limit", "peers",
  ]

  private static func component(_ node: Node, _ problems: YAMLProblems) -> (component: Component, lines: FieldLines)? {
    guard let map = YAMLMapping(node, what: "A component", known: keys, problems: problems) else { return nil }
    var lines = FieldLines(start: map.line)
    for key in keys { lines.set(key, map) }
    let (key, keyMade) = key(map, &lines)
    let target = TargetReader.target(map, &lines, problems)
    let preset = preset(map, problems)
    let files = files(map, preset, &lines, problems)
    let group = group(map, problems)
    let missing = ["name", "names", "files"].filter { !map.has($0) && ($0 != "files" || !map.has("kind")) }
    for key in missing {
      problems.add(map.line, "the component has no '\(key)'")
      lines.report(key)
    }
    let names = (map.texts("names") ?? []).map(SubjectName.init(text:))
    let usage = map.choice("usage", Component.Usage.self) ?? .server
    let component = Component(
      id: Component.ID(rawValue: 0), name: map.text("name") ?? "", description: map.text("description") ?? "",
      kind: preset?.kind, stage: map.integer("stage", in: Component.Limits.stage) ?? 1, names: names, usage: usage,
      key: key, keyMade: keyMade, target: target, files: files,
      activation: activation(map, preset, &lines, problems).naming(files),
      endpoints: endpoints(map, preset, &lines, problems) ?? preset?.endpoints(of: names, usage: usage) ?? [],
      verificationTimeLimit: map.integer("verification_time_limit", in: Component.Limits.seconds)
        ?? preset?.verificationTimeLimit ?? Component.usualVerificationTimeLimit,
      peers: map.texts("peers"), maintenance: map.text("maintenance").flatMap { $0.isEmpty ? nil : $0 },
      rollingGroup: group)
    return (component, lines)
  }

  /// The key is either its algorithm, or a mapping with the algorithm and with who makes it.
  private static func key(_ map: YAMLMapping, _ lines: inout FieldLines) -> (KeyKind, KeyOrigin?) {
    guard map.isMapping("key"), let key = map.mapping("key", known: ["algorithm", "made"]) else {
      return (map.choice("key", KeyKind.self) ?? .ecdsaP256, nil)
    }
    lines.set("key.made", key, "made")
    let made = key.choice("made", KeyOrigin.self)
    return (key.choice("algorithm", KeyKind.self) ?? .ecdsaP256, made == .byReroot ? nil : made)
  }

  /// The rolling group; its two keys need each other.
  private static func group(_ map: YAMLMapping, _ problems: YAMLProblems) -> String? {
    let restart = map.choice("restart", Restart.self)
    switch (restart, map.text("group")) {
    case (.rolling, let group?): return group
    case (.rolling, nil):
      problems.add(
        map.line("restart"), "'restart: rolling' needs a 'group': one component of it is activated at a time")
    case (.atOnce, _?), (nil, _?):
      if restart != nil || !map.has("restart") {
        problems.add(map.line("group"), "group: \(Restart.lonelyGroup)")
      }
    case (.atOnce, nil), (nil, nil): break
    }
    return nil
  }
}

/// How the components of a stage are activated, as the YAML and the form name it.
enum Restart: String, CaseIterable {
  /// Without waiting for others.
  case atOnce = "at_once"
  /// One component of its group at a time.
  case rolling

  /// What is wrong with a group that nobody waits for.
  static let lonelyGroup = "A group is for a rolling restart only; without that nothing waits for it."
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
