import Delivery
import Rotation
import Yams

/// The parts of a component in YAML, of which a preset knows the usual values. What the text says counts; a key that is
/// there without a value (`owner: ~`) says that there is none.
extension ComponentReader {
  /// The preset of the component's kind; nil, reported, when it is not known.
  static func preset(_ map: YAMLMapping, _ problems: YAMLProblems) -> Preset? {
    guard let kind = map.text("kind") else { return nil }
    if let preset = Preset.named(kind) { return preset }
    let guess = YAMLMapping.closest(kind, Preset.kinds).map { "; did you mean '\($0)'?" } ?? ""
    problems.add(
      map.line("kind"),
      "'kind' must be one of \(Preset.kinds.joined(separator: ", ")), not '\(YAMLMapping.shown(kind))'\(guess)")
    return nil
  }

  static func files(
    _ map: YAMLMapping, _ preset: Preset?, _ lines: inout FieldLines, _ problems: YAMLProblems
  ) -> FileLayout {
    let keys = [
      "certificate", "key", "combined", "trust_bundle", "key_store", "trust_store", "store_password_file", "owner",
      "group", "mode", "key_mode",
    ]
    let usual = preset?.files ?? FileLayout()
    guard let files = map.mapping("files", known: keys) else {
      if preset == nil || map.has("files") { lines.report("files") }
      return usual
    }
    for key in keys { lines.set("files.\(key)", files, key) }
    func text(_ key: String, _ usual: String?) -> String? { files.isGiven(key) ? files.text(key) : usual }
    func mode(_ key: String, _ usual: FileMode) -> FileMode {
      guard let text = files.text(key) else { return usual }
      if let mode = FileMode(text) { return mode }
      problems.add(files.line(key), "'\(key)' must be three or four octal digits, such as \"0640\"")
      return usual
    }
    // A combined file takes the place of the two usual ones, and the other way round; a store that of all PEM files.
    let (isCombined, isStore) = (files.has("combined"), files.has("key_store"))
    let isSeparate = files.has("certificate") || files.has("key")
    let hasBundle = files.has("trust_bundle")
    return FileLayout(
      certificateChain: text("certificate", isCombined || isStore ? nil : usual.certificateChain),
      key: text("key", isCombined || isStore ? nil : usual.key),
      combined: text("combined", isSeparate || isStore ? nil : usual.combined),
      trustBundle: text("trust_bundle", files.has("trust_store") ? nil : usual.trustBundle),
      keyStore: text("key_store", isCombined || isSeparate ? nil : usual.keyStore),
      trustStore: text("trust_store", hasBundle ? nil : usual.trustStore),
      storePasswordFile: text("store_password_file", isCombined || isSeparate ? nil : usual.storePasswordFile),
      owner: text("owner", usual.owner),
      group: text("group", usual.group), mode: mode("mode", usual.mode), keyMode: mode("key_mode", usual.keyMode))
  }

  static func activation(
    _ map: YAMLMapping, _ preset: Preset?, _ lines: inout FieldLines, _ problems: YAMLProblems
  ) -> Activation {
    let keys = ["check", "command", "signal", "pid_file", "haproxy_socket", "time_limit"]
    let usual = preset?.activation ?? Activation()
    guard let activation = map.mapping("activation", known: keys) else { return usual }
    for key in keys { lines.set("activation.\(key)", activation, key) }
    return Activation(
      method: method(activation, usual.method, problems),
      timeLimit: activation.integer("time_limit", in: Component.Limits.seconds) ?? usual.timeLimit,
      check: activation.isGiven("check") ? activation.texts("check") : usual.check)
  }

  private static func method(
    _ activation: YAMLMapping, _ usual: Activation.Method, _ problems: YAMLProblems
  ) -> Activation.Method {
    let hasSignal = activation.has("signal") || activation.has("pid_file")
    if activation.has("command") {
      if hasSignal { problems.add(activation.line, "give either 'command', or 'signal' and 'pid_file'") }
      if activation.has("haproxy_socket") { problems.add(activation.line, "give either 'command' or 'haproxy_socket'") }
      return .command(activation.texts("command") ?? [])
    }
    if let socket = activation.text("haproxy_socket") {
      if hasSignal { problems.add(activation.line, "give either 'haproxy_socket', or 'signal' and 'pid_file'") }
      return .haproxySocket(socket)
    }
    guard hasSignal else { return activation.isGiven("command") ? .none : usual }
    guard let signal = activation.text("signal"), let pidFile = activation.text("pid_file") else {
      problems.add(activation.line, "'signal' and 'pid_file' must be given together")
      return usual
    }
    return .signal(signal.hasPrefix("SIG") ? String(signal.dropFirst(3)) : signal, pidFile: pidFile)
  }

  /// The endpoints; nil when the text does not speak of them.
  static func endpoints(
    _ map: YAMLMapping, _ preset: Preset?, _ lines: inout FieldLines, _ problems: YAMLProblems
  ) -> [Endpoint]? {
    guard map.isGiven("endpoints") else { return nil }
    let keys = ["host", "addresses", "port", "server_name", "transport"]
    var endpoints: [Endpoint] = []
    for item in map.items("endpoints") ?? [] {
      guard let one = YAMLMapping(item, what: "An endpoint", known: keys, problems: problems) else { continue }
      let index = endpoints.count
      for key in keys { lines.set("endpoints.\(index).\(key)", one, key) }
      let addresses = one.texts("addresses").flatMap { $0.isEmpty ? nil : $0.map { $0.lowercased() } }
      for key in preset == nil ? ["host", "port"] : ["host"]
      where !one.has(key) && !(key == "host" && addresses != nil) {
        problems.add(one.line, "the endpoint has no '\(key)'\(key == "host" ? " and no 'addresses'" : "")")
        lines.report("endpoints.\(index).\(key)")
      }
      let port = one.integer("port", in: 1...65535).map { UInt16($0) }
      let usual = one.has("port") ? nil : preset?.ports.first?.number
      if port ?? usual == nil { lines.report("endpoints.\(index).port") }
      let number = port ?? usual ?? 0
      endpoints.append(
        Endpoint(
          host: one.text("host") ?? "", port: number, serverName: one.text("server_name"), addresses: addresses,
          transport: one.choice("transport", Endpoint.Transport.self) ?? preset?.transport(at: number) ?? .tls))
    }
    return endpoints
  }
}
