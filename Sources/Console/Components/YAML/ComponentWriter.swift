import PKI
import Rotation

/// Writes components as YAML that ``ComponentReader`` reads back to the same.
public enum ComponentWriter {
  /// The text of the components, in their order; every value is written out, the ones that are not set are left out.
  public static func text(_ components: [Component]) -> String {
    guard !components.isEmpty else { return "components: []\n" }
    return "components:\n" + components.map { lines($0).joined(separator: "\n") + "\n" }.joined(separator: "\n")
  }

  private static func lines(_ component: Component) -> [String] {
    var lines = ["  - name: \(quoted(component.name))"]
    func add(_ text: String) { lines.append("    " + text) }
    if !component.description.isEmpty { add("description: \(quoted(component.description))") }
    if let kind = component.kind { add("kind: \(quoted(kind))") }
    if let maintenance = component.maintenance, !maintenance.isEmpty { add("maintenance: \(quoted(maintenance))") }
    add("stage: \(component.stage)")
    if let group = component.rollingGroup {
      add("restart: \(Restart.rolling.rawValue)")
      add("group: \(quoted(group))")
    }
    add("names: \(list(component.names.map(\.text)))")
    add("usage: \(component.usage.rawValue)")
    if let made = component.keyMade {
      add("key: {algorithm: \(component.key.rawValue), made: \(made.rawValue)}")
    } else {
      add("key: \(component.key.rawValue)")
    }
    for line in target(component.target) { add(line) }
    add("files:")
    for (role, path) in component.files.paths { add("  \(role.field.dropFirst("files.".count)): \(quoted(path))") }
    if let path = component.files.storePasswordFile { add("  store_password_file: \(quoted(path))") }
    // With a kind, what is left out would be read as what is usual for it.
    let hasKind = component.kind != nil
    if component.files.owner != nil || hasKind { add("  owner: \(quotedOrNone(component.files.owner))") }
    if component.files.group != nil || hasKind { add("  group: \(quotedOrNone(component.files.group))") }
    add("  mode: \"\(component.files.mode)\"")
    add("  key_mode: \"\(component.files.keyMode)\"")
    add("activation:")
    if let check = component.activation.check {
      add("  check: \(list(check))")
    } else if hasKind {
      add("  check: ~")
    }
    switch component.activation.method {
    case .none: if hasKind { add("  command: ~") }
    case .command(let words): add("  command: \(list(words))")
    case .haproxySocket(let socket): add("  haproxy_socket: \(quoted(socket))")
    case .signal(let name, let pidFile):
      add("  signal: \(quoted(name))")
      add("  pid_file: \(quoted(pidFile))")
    }
    add("  time_limit: \(component.activation.timeLimit)")
    if !component.endpoints.isEmpty {
      add("endpoints:")
    } else if hasKind {
      add("endpoints: []")
    }
    for endpoint in component.endpoints {
      let lines = [
        endpoint.host.isEmpty ? nil : "host: \(quoted(endpoint.host))",
        endpoint.addresses.map { "addresses: \(list($0))" }, "port: \(endpoint.port)",
      ].compactMap { $0 }
      for (index, line) in lines.enumerated() { add((index == 0 ? "  - " : "    ") + line) }
      if let name = endpoint.serverName { add("    server_name: \(quoted(name))") }
      add("    transport: \(endpoint.transport.rawValue)")
    }
    add("verification_time_limit: \(component.verificationTimeLimit)")
    if let peers = component.peers { add("peers: \(list(peers))") }
    return lines
  }

  private static func target(_ target: Target) -> [String] {
    guard let ssh = target.ssh else { return ["target: local"] }
    return [
      "target:", "  ssh:", "    host: \(quoted(ssh.host))", "    port: \(ssh.port)", "    user: \(quoted(ssh.user))",
      "    identity_file: \(quoted(ssh.identityFile))", "    host_key: \(quoted(ssh.hostKey))", "    sudo: \(ssh.sudo)",
    ]
  }

  private static func list(_ texts: [String]) -> String { "[" + texts.map(quoted).joined(separator: ", ") + "]" }

  private static func quotedOrNone(_ text: String?) -> String { text.map(quoted) ?? "~" }

  /// In double quotes (YAML 1.2.2, section 7.3.1), so that no text can be taken for a number, a comment or an alias.
  static func quoted(_ text: String) -> String {
    var result = "\""
    let scalars = Array(text.unicodeScalars)
    for (index, scalar) in scalars.enumerated() {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      // What looks like an alias is refused by the reader in quotes too.
      case "*" where looksLikeAlias(scalars, index): result += "\\x2A"
      case "&" where looksLikeAlias(scalars, index): result += "\\x26"
      default: result += isPlain(scalar) ? String(scalar) : escape(scalar)
      }
    }
    return result + "\""
  }

  private static func looksLikeAlias(_ scalars: [Unicode.Scalar], _ index: Int) -> Bool {
    let next = index + 1 < scalars.count ? scalars[index + 1] : " "
    let previous = index > 0 ? scalars[index - 1] : " "
    return isWord(next) && !isWord(previous)
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (Character(scalar).isLetter || Character(scalar).isNumber || scalar == "-" || scalar == "_")
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool { !VisibleText.isHidden(scalar) }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    let width = scalar.value > 0xFFFF ? 8 : 4
    return (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count) + digits
  }
}
