import Rotation

/// Guesses the kind of a server, one of the presets, from what can be seen of it.
public enum KindGuess {
  /// The names of a kind's programs, and what its greeting holds.
  private struct Row {
    let kind: String
    var processes: [String]
    var greetings: [String] = []
  }

  private static let rows = [
    Row(kind: "nginx", processes: ["nginx"]), Row(kind: "apache", processes: ["apache2", "httpd"]),
    Row(kind: "haproxy", processes: ["haproxy"]), Row(kind: "postgresql", processes: ["postgres"]),
    Row(kind: "mariadb", processes: ["mariadbd", "mysqld"], greetings: ["MariaDB"]),
    Row(kind: "redis", processes: ["redis-server"]), Row(kind: "mosquitto", processes: ["mosquitto"]),
    Row(kind: "rabbitmq", processes: ["beam.smp"]), Row(kind: "postfix", processes: ["smtpd"], greetings: ["Postfix"]),
    Row(kind: "dovecot", processes: ["dovecot", "imap-login", "pop3-login"], greetings: ["Dovecot"]),
    Row(kind: "openldap", processes: ["slapd"]),
  ]

  /// The ports that are looked at where a host is given without one: those that the presets usually answer at.
  public static let usualPorts = Set(Preset.all.flatMap(\.ports).map(\.number)).sorted()

  /// The kind; nil when nothing tells it. A program's name tells more than a greeting, that more than how TLS begins, and
  /// that more than the port, at which the first preset that usually answers there is taken. A program that is not known
  /// tells nothing: it may only hold the socket for another (`systemd`, `docker-proxy`, Postfix's `master`).
  ///
  /// - Parameters:
  ///   - process: the program's name, where it is known.
  ///   - greeting: what the server said by itself, whatever that is.
  public static func kind(port: UInt16, transport: Endpoint.Transport, process: String?, greeting: String) -> String? {
    if let process {
      // Some programs write more behind their names.
      let name = process.lowercased().split { $0 == ":" || $0 == " " }.first.map(String.init) ?? ""
      if let row = rows.first(where: { $0.processes.contains(name) }) { return row.kind }
    }
    if let row = rows.first(where: { $0.greetings.contains { greeting.contains($0) } }) { return row.kind }
    if transport != .tls, let preset = Preset.all.first(where: { $0.ports.contains { $0.transport == transport } }) {
      return preset.kind
    }
    return Preset.all.first { $0.ports.contains { $0.number == port } }?.kind
  }
}
