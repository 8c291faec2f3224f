import Foundation
import PKI
import Rotation

/// Fingerprints of SSH host keys as OpenSSH prints them (`ssh-keygen -l`).
public enum SSHFingerprint {
  /// `SHA256:` and base64 without padding, with the key's type in front; nil for what is no key.
  public static func text(of hostKey: String) -> String? {
    guard let key = SSHHostKey(hostKey) else { return nil }
    return "\(key.type) SHA256:" + Data(Digest.sha256(key.bytes)).base64EncodedString().filter { $0 != "=" }
  }
}
