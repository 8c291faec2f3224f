import Rotation

/// The words of `ssh` for one target. Nothing of the configuration, the agent or the known hosts of Reroot's user counts.
struct SSHOptions: Sendable {
  let target: SSHTarget
  /// The folder of the connection's socket and of its file of known hosts.
  let folder: String

  /// The host by the name under which its key stands in the file of known hosts, so that no address has to match.
  static let alias = "reroot-target"

  private var socket: String { folder + "/s" }
  var knownHosts: String { folder + "/known_hosts" }

  /// The content of the file of known hosts: the pinned key and no other.
  var knownHostsText: String {
    let key = SSHHostKey(target.hostKey)
    return "\(Self.alias) \(key?.type ?? "-") \(key?.base64 ?? "-")\n"
  }

  /// The one connection: it says `reroot-ready` once the account's shell has run a command, and lasts as long as its
  /// standard input.
  var master: [String] {
    let command = "exec /bin/sh -c 'echo reroot-ready; read -r x'"
    // Why no connection comes about is partly said on the level INFO.
    return common + options(["LogLevel=INFO", "ControlMaster=yes", "ControlPersist=no"] + connecting) + place + [
      command
    ]
  }

  /// One script over that connection. Where the connection is gone none is made instead.
  var session: [String] {
    common + options(["LogLevel=ERROR", "ControlMaster=no", "ProxyCommand=false"]) + place + [command]
  }

  /// What runs there. The environment is a new one: an account's login files may have set anything.
  var command: String {
    let home = #"HOME="$HOME" USER="$USER" LOGNAME="$LOGNAME""#
    return "exec env -i PATH=\(Self.searchPath) \(home) \(target.sudo ? "sudo -n " : "")/bin/sh -s"
  }

  /// Where programs are looked for on the other machine.
  static let searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// No `%` or space of the folder could have a meaning: it is made by ``SSHWorkplace``.
  private var common: [String] {
    // -T no terminal, -a no agent, -x no X11.
    ["ssh", "-F", "none", "-T", "-a", "-x", "-S", socket]
      + options([
        "BatchMode=yes", "ClearAllForwardings=yes", "ForwardAgent=no", "Tunnel=no",
        "PermitLocalCommand=no", "EscapeChar=none", "CanonicalizeHostname=no", "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no",
        "HostKeyAlias=\(Self.alias)", "CheckHostIP=no", "VerifyHostKeyDNS=no", "HostKeyAlgorithms=\(keyAlgorithms)",
      ])
  }

  private var connecting: [String] {
    [
      "IdentitiesOnly=yes", "IdentityAgent=none", "AddKeysToAgent=no", "PreferredAuthentications=publickey",
      "PasswordAuthentication=no", "KbdInteractiveAuthentication=no", "GSSAPIAuthentication=no",
      "HostbasedAuthentication=no", "ConnectTimeout=10", "ConnectionAttempts=1", "ServerAliveInterval=5",
      "ServerAliveCountMax=2", "TCPKeepAlive=yes",
    ]
  }

  /// A key of type ssh-rsa signs with SHA-2 (RFC 8332).
  private var keyAlgorithms: String {
    let type = SSHHostKey(target.hostKey)?.type ?? "ssh-ed25519"
    return type == "ssh-rsa" ? "rsa-sha2-512,rsa-sha2-256" : type
  }

  private var place: [String] {
    ["-i", target.identityFile, "-l", target.user, "-p", String(target.port), "--", target.host]
  }

  private func options(_ settings: [String]) -> [String] { settings.flatMap { ["-o", $0] } }
}
