/// What is wrong with one value of a component.
public struct FieldProblem: Sendable, Hashable {
  /// The field, by the name that the form and the YAML use: `name`, `files.key`, `endpoints.1.port`, …
  public var field: String
  /// What is wrong, and what is possible, for a person.
  public var sentence: String

  /// Describes a wrong value.
  public init(field: String, sentence: String) {
    self.field = field
    self.sentence = sentence
  }
}

extension Component {
  /// The limits of a component's values.
  public enum Limits {
    /// Characters of a name.
    public static let name = 1...64
    /// Characters of a description.
    public static let description = 0...500
    /// Stages.
    public static let stage = 1...1000
    /// Seconds of an activation or a verification.
    public static let seconds = 1...3600
    /// Subject alternative names.
    public static let names = 1...100
    /// Endpoints.
    public static let endpoints = 0...32
    /// Addresses of an endpoint.
    public static let addresses = 0...32
    /// Characters of a maintenance note.
    public static let maintenance = 0...500
    /// Words of a command.
    public static let words = 1...64
  }

  /// Everything that is wrong with this component by itself, in the order of the form; empty when it can be used.
  public func problems() -> [FieldProblem] {
    generalProblems + groupProblems + nameProblems + keyProblems + target.problems() + files.problems()
      + activation.problems() + haproxyProblems + endpointProblems + peerProblems
  }

  private var generalProblems: [FieldProblem] {
    var found: [FieldProblem] = []
    if !Limits.name.contains(name.count) {
      found.append(
        FieldProblem(
          field: "name", sentence: name.isEmpty ? "Give the component a name." : "Use at most 64 characters."))
    } else if name.first == " " || name.last == " " || !FieldText.isOneLine(name) {
      found.append(
        FieldProblem(
          field: "name", sentence: "Use one line without spaces at its ends and without control characters."))
    }
    if !Limits.description.contains(description.count) {
      found.append(FieldProblem(field: "description", sentence: "Use at most 500 characters."))
    } else if !FieldText.isText(description) {
      found.append(FieldProblem(field: "description", sentence: "Leave out the control characters."))
    }
    if let kind, !Limits.name.contains(kind.count) || !FieldText.isOneLine(kind) {
      found.append(FieldProblem(field: "kind", sentence: "Choose one of the kinds in the list."))
    }
    if (maintenance ?? "").count > Limits.maintenance.upperBound {
      found.append(FieldProblem(field: "maintenance", sentence: "Use at most 500 characters."))
    } else if let maintenance, !FieldText.isText(maintenance) {
      found.append(FieldProblem(field: "maintenance", sentence: "Leave out the control characters."))
    }
    if !Limits.stage.contains(stage) {
      found.append(FieldProblem(field: "stage", sentence: "Give a number from 1 to 1000."))
    }
    if !Limits.seconds.contains(verificationTimeLimit) {
      found.append(
        FieldProblem(field: "verification_time_limit", sentence: "Give a number of seconds from 1 to 3600."))
    }
    return found
  }

  private var groupProblems: [FieldProblem] {
    guard let group = rollingGroup else { return [] }
    let sentence =
      group.isEmpty
      ? "Name the group of which one component at a time is activated."
      : !Limits.name.contains(group.count)
        ? "Use at most 64 characters."
        : group.first == " " || group.last == " " || !FieldText.isOneLine(group)
          ? "Use one line without spaces at its ends and without control characters." : nil
    return sentence.map { [FieldProblem(field: "group", sentence: $0)] } ?? []
  }

  private var nameProblems: [FieldProblem] {
    guard !names.isEmpty else {
      return [FieldProblem(field: "names", sentence: "Give at least one host name or IP address.")]
    }
    var found: [FieldProblem] = []
    if names.count > Limits.names.upperBound {
      found.append(FieldProblem(field: "names", sentence: "Give at most 100 names."))
    }
    var seen: Set<String> = []
    for name in names.prefix(Limits.names.upperBound) {
      if let sentence = NetworkName.problem(name) {
        found.append(FieldProblem(field: "names", sentence: sentence))
      } else if !seen.insert(name.text.lowercased()).inserted {
        found.append(FieldProblem(field: "names", sentence: "“\(name.text)” is given twice."))
      }
    }
    // RFC 5280, appendix A.1, ub-common-name: the first name becomes the common name.
    if let first = names.first, first.text.utf8.count > 64 {
      found.append(
        FieldProblem(
          field: "names",
          sentence:
            "The first name becomes the common name, which takes at most 64 characters; put a shorter one first."
        ))
    }
    return found
  }

  /// A key that stays at the target needs a file of its own there: what holds more would have to be put together with it.
  private var keyProblems: [FieldProblem] {
    guard keepsKey else { return [] }
    if files.keyStore != nil || files.combined != nil {
      let kind = files.keyStore != nil ? "a key store" : "a combined file"
      return [
        FieldProblem(
          field: "key.made",
          sentence: "A key made on the target needs a key file of its own (PEM); with \(kind) Reroot must make the key."
        )
      ]
    }
    return []
  }

  private var endpointProblems: [FieldProblem] {
    var found: [FieldProblem] = []
    if endpoints.count > Limits.endpoints.upperBound {
      found.append(FieldProblem(field: "endpoints", sentence: "Give at most 32 endpoints."))
    }
    if usage == .client, !endpoints.isEmpty {
      found.append(
        FieldProblem(
          field: "endpoints",
          sentence: "A component that is only a client answers nowhere; remove the endpoints or choose usage “both”."))
    }
    for (index, endpoint) in endpoints.prefix(Limits.endpoints.upperBound).enumerated() {
      found += endpoint.problems().map { FieldProblem(field: "endpoints.\(index).\($0.field)", sentence: $0.sentence) }
      // What is seen is kept by the address and looked for under the server's name.
      let isSame = { (other: Endpoint) in other.address == endpoint.address && other.serverName == endpoint.serverName }
      if endpoints.prefix(index).contains(where: isSame) {
        found.append(
          FieldProblem(field: "endpoints.\(index).host", sentence: "The endpoint \(endpoint.address) is given twice."))
      }
    }
    return found
  }

  private var peerProblems: [FieldProblem] {
    guard let peers else { return [] }
    var found: [FieldProblem] = []
    if peers.contains(name) {
      found.append(FieldProblem(field: "peers", sentence: "A component is no peer of itself."))
    }
    if let bad = peers.first(where: { !Limits.name.contains($0.count) || !FieldText.isOneLine($0) }) {
      found.append(FieldProblem(field: "peers", sentence: "“\(FieldText.shown(bad))” is no name of a component."))
    }
    if Set(peers).count < peers.count {
      found.append(FieldProblem(field: "peers", sentence: "A peer is given twice."))
    }
    return found
  }

  /// What is wrong with components beside each other: names given twice, files that two of them would write. The field of
  /// a problem belongs to the component with the index.
  public static func problems(among components: [Component]) -> [(index: Int, problem: FieldProblem)] {
    var found: [(index: Int, problem: FieldProblem)] = []
    var names: Set<String> = []
    var writers: [Writable: Int] = [:]
    for (index, component) in components.enumerated() {
      if !names.insert(component.name.lowercased()).inserted {
        let sentence = "There is a component of the name “\(FieldText.shown(component.name))” already."
        found.append((index, FieldProblem(field: "name", sentence: sentence)))
      }
      for (role, path) in component.files.paths {
        let file = Writable(machine: component.target.machine, path: path)
        guard let other = writers[file] else {
          writers[file] = index
          continue
        }
        guard other != index else { continue }
        let sentence =
          "\(FieldText.shown(path)) is written for the component “\(FieldText.shown(components[other].name))” already; "
          + "no two components can share a file."
        found.append((index, FieldProblem(field: role.field, sentence: sentence)))
      }
    }
    return found + groupsInSeveralStages(components)
  }

  /// A stage is finished before the next one begins, so a group has to be in one. The last component of it is told.
  private static func groupsInSeveralStages(_ components: [Component]) -> [(index: Int, problem: FieldProblem)] {
    var found: [(index: Int, problem: FieldProblem)] = []
    var first: [String: Component] = [:]
    for (index, component) in components.enumerated() {
      guard let group = component.rollingGroup else { continue }
      let other = first[group] ?? component
      first[group] = other
      guard other.stage != component.stage else { continue }
      let sentence =
        "The group “\(FieldText.shown(group))” is in stage \(other.stage), by “\(FieldText.shown(other.name))”; the "
        + "components of a group are in one stage. To move a whole group, import its components as one list."
      found.append((index, FieldProblem(field: "group", sentence: sentence)))
    }
    return found
  }

  /// A file that a component would write: the same path on another machine is another file.
  private struct Writable: Hashable {
    let machine: String
    let path: String
  }

  /// The peers that are no component's name. The field of a problem belongs to the component with the index.
  public static func unknownPeers(among components: [Component]) -> [(index: Int, problem: FieldProblem)] {
    let names = Set(components.map { $0.name })
    return components.enumerated().flatMap { index, component in
      (component.peers ?? []).filter { !names.contains($0) }.map { peer in
        let sentence = "There is no component of the name “\(FieldText.shown(peer))”."
        return (index, FieldProblem(field: "peers", sentence: sentence))
      }
    }
  }
}
