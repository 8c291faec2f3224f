import Foundation
import PKI
import Rotation

/// Tells from what ssh and sudo say why a machine could not be worked on.
struct SSHDiagnosis: Sendable {
  let target: SSHTarget

  /// Why there is no connection.
  ///
  /// - Parameter text: what ssh wrote; its messages are in English everywhere.
  func connecting(_ text: String) -> DeliveryFailure {
    if let changed = changedKey(text) { return changed }
    if text.contains("Permission denied (") || text.contains("Too many authentication failures") {
      return failure(
        "SSH_LOGIN_REFUSED", "\(target.address) did not let “\(target.user)” sign in with \(target.identityFile).",
        "Add the public key of that file to the account's authorized_keys on the host, and check that the account may "
          + "sign in.", text)
    }
    let causes = [
      ("Could not resolve hostname", "its name could not be resolved", "Check the name, and the name servers."),
      ("Connection refused", "nothing listens on that port", "Check the port, and start the SSH server there."),
      ("No route to host", "there is no way to it", "Check the network, and that the host is switched on."),
      ("Network is unreachable", "there is no way to it", "Check the network of this machine."),
      ("timed out", "it did not answer in time", "Check that the host is switched on, and the firewalls between."),
      ("Connection closed", "it closed the connection at once", "Look into the log of the SSH server there."),
      ("Connection reset", "it closed the connection at once", "Look into the log of the SSH server there."),
    ]
    for (sign, cause, advice) in causes where text.contains(sign) {
      return failure(
        "SSH_UNREACHABLE", "\(target.address) could not be reached by SSH: \(cause).", advice + " Then try again.", text
      )
    }
    return failure(
      "SSH_FAILED", "The SSH connection to \(target.address) failed.",
      "Read what ssh said, mend it, then try again.", text)
  }

  /// The host has another key than the one that is pinned.
  private func changedKey(_ text: String) -> DeliveryFailure? {
    let isOther = text.contains("HOST IDENTIFICATION HAS CHANGED") || text.contains("Host key verification failed")
    let offer = after("Their offer: ", in: text)
    guard isOther || (offer != nil && text.contains("host key type")) else { return nil }
    let expected = SSHFingerprint.text(of: target.hostKey) ?? "another one"
    let shown =
      after("SHA256:", in: text).map { "SHA256:\($0.hasSuffix(".") ? String($0.dropLast()) : $0)" }
      ?? offer.map { "no key of that kind, only \($0)" } ?? "another one"
    return failure(
      "SSH_HOST_KEY_CHANGED",
      "\(target.address) does not show the pinned host key: \(expected) was expected, and it shows \(shown).",
      "Either the host was reinstalled, or somebody is between Reroot and the host. Nothing was sent to it. Compare the "
        + "key on the host's own console (ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub); only if it is the one "
        + "shown here, put the new key into the component's settings.", text)
  }

  /// The word after a sign, as text: whoever answers in the host's place chooses it.
  private func after(_ sign: String, in text: String) -> String? {
    guard let range = text.range(of: sign) else { return nil }
    let word = text[range.upperBound...].prefix { !$0.isWhitespace }
    return word.isEmpty ? nil : VisibleText.of(String(word.prefix(200)))
  }

  /// The account's shell did not run what every POSIX system has.
  func noShell(_ text: String) -> DeliveryFailure {
    failure(
      "SSH_NO_SHELL", "“\(target.user)” can sign in to \(target.address), but not run commands there.",
      "Give the account a login shell that runs commands (not nologin or a forced command). Then try again.", text)
  }

  /// Whether the server takes no further session on this connection for now.
  static func isRefusedSession(_ text: String) -> Bool {
    text.contains("Session open refused") || text.contains("administratively prohibited")
  }

  /// Why a script did not even begin over a connection that stands.
  func notBegun(_ text: String, status: Int32) -> DeliveryFailure {
    if Self.isRefusedSession(text) {
      return failure(
        "SSH_SESSION_REFUSED", "\(target.address) refused another session on the same connection.",
        "Set MaxSessions to 10, its usual value, in the host's sshd_config. Then try again.", text)
    }
    // 255 is ssh's own (ssh(1)); sudo's words differ by version and language, so its status must do.
    guard target.sudo, status != 255 else { return status == 255 ? linkLost(text) : noShell(text) }
    return failure(
      "SSH_SUDO_REFUSED", "“\(target.user)” may not run /bin/sh as root by sudo -n on \(target.address).",
      "Allow it there in /etc/sudoers.d: \(target.user) ALL=(root) NOPASSWD: /bin/sh -s. The account is then as good as "
        + "root. Or let it own the files, and leave sudo out of the component's settings.", text)
  }

  /// The connection ended in the middle.
  func linkLost(_ text: String) -> DeliveryFailure {
    failure(
      "SSH_LINK_LOST", "The SSH connection to \(target.address) was lost before the host had answered.",
      "What was begun there is either finished or put back at the next look. Check the network and the host, then try "
        + "again.", text)
  }

  /// The host did not answer within a limit.
  func silent(_ limit: Duration) -> DeliveryFailure {
    failure(
      "SSH_SILENT", "\(target.address) did not answer within \(limit.components.seconds) seconds.",
      "What was begun there is either finished or put back at the next look. Check whether the host hangs, then try "
        + "again.", "")
  }

  private func failure(_ code: String, _ sentence: String, _ advice: String, _ output: String) -> DeliveryFailure {
    DeliveryFailure(code: code, sentence: sentence, advice: advice, output: output)
  }
}
