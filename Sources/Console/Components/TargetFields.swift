import Rotation

/// The fields of a component's target in its form.
enum TargetFields {
  /// The values that the form of a component begins with.
  static func values(of target: Target) -> [String: String] {
    guard let ssh = target.ssh else {
      return ["target": "local", "target.ssh.port": "22", "target.ssh.sudo": "no"]
    }
    return [
      "target": "ssh", "target.ssh.host": ssh.host, "target.ssh.port": String(ssh.port), "target.ssh.user": ssh.user,
      "target.ssh.identity_file": ssh.identityFile, "target.ssh.host_key": ssh.hostKey,
      "target.ssh.sudo": ssh.sudo ? "yes" : "no",
    ]
  }

  /// The fields, as they were filled in.
  static func parts(_ form: ComponentForm, _ error: (String) -> String?) -> [FieldPart] {
    func input(
      _ name: String, _ label: String, type: String = "text", width: String = "medium", hint: String? = nil
    ) -> FieldPart {
      let name = "target.ssh." + name
      return FieldPart.input(
        name, label, type: type, value: form.text(name), hint: hint, error: error(name), width: width)
    }
    return [
      FieldPart.radios(
        "target", "The files are",
        choices: [
          ("local", "On this machine", "On the one that Reroot runs on."),
          ("ssh", "On another machine, by SSH", "Then fill in the fields below."),
        ], chosen: form.text("target"), error: error("target")),
      input("host", "SSH host", hint: "A host name or an IP address.").optional,
      input("port", "SSH port", type: "number", width: "short").attributes(["min": "1", "max": "65535"]).optional,
      input("user", "SSH user", hint: "The account to sign in to.").optional,
      input(
        "identity_file", "SSH identity file", width: "full",
        hint: "The private key to sign in with: a file on Reroot’s machine, without a passphrase."
      ).optional,
      input(
        "host_key", "SSH host key", width: "full",
        hint: "The host’s public key, as ssh-keyscan prints it without the name: ssh-ed25519 AAAA… Compare it with the "
          + "one that the host itself shows. No other key is accepted."
      ).optional,
      FieldPart.radios(
        "target.ssh.sudo", "SSH rights",
        choices: [
          ("no", "Those of the user", nil),
          (
            "yes", "Those of root, by sudo",
            "The host must allow it without a password; the user is then as good as root."
          ),
        ], chosen: form.text("target.ssh.sudo"), error: error("target.ssh.sudo")),
    ]
  }
}
