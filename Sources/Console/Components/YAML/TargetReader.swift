import Rotation

/// Reads where a component's files are: `local`, or `{ssh: {host: …}}`.
enum TargetReader {
  private static let keys = ["host", "port", "user", "identity_file", "host_key", "sudo"]

  static func target(_ map: YAMLMapping, _ lines: inout FieldLines, _ problems: YAMLProblems) -> Target {
    guard map.isMapping("target") else {
      guard let word = map.text("target"), word != "local" else { return .local }
      problems.add(map.line("target"), "'target' must be local, or have the key 'ssh' with the host's description")
      return .local
    }
    guard let target = map.mapping("target", known: ["ssh"]) else { return .local }
    guard let ssh = target.mapping("ssh", known: keys) else {
      problems.add(target.line, "'target' has no 'ssh' with the host's description")
      return .local
    }
    for key in keys { lines.set("target.ssh.\(key)", ssh, key) }
    for key in ["host", "user", "identity_file", "host_key"] where !ssh.has(key) {
      problems.add(ssh.line, "the target has no '\(key)'")
      lines.report("target.ssh.\(key)")
    }
    return .ssh(
      SSHTarget(
        host: ssh.text("host") ?? "", port: UInt16(ssh.integer("port", in: 1...65535) ?? 22),
        user: ssh.text("user") ?? "", identityFile: ssh.text("identity_file") ?? "",
        hostKey: ssh.text("host_key") ?? "", sudo: ssh.flag("sudo") ?? false))
  }
}
