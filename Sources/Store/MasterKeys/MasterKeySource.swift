import Foundation
import PKI
import Synchronization

/// Where the master key comes from when a data folder is opened.
public enum MasterKeySource: Sendable {
  /// A file; nil for `master.key` in the data folder. It is made at the first start.
  case file(String?)
  /// A systemd credential (systemd.exec(5), `LoadCredentialEncrypted=`): a file of this name in
  /// `$CREDENTIALS_DIRECTORY`, with the content of a key file.
  case credential(String)
  /// Derived from a passphrase that is asked for. The closure may block; it is told whether the passphrase is a new one.
  case passphrase(@Sendable (_ isNew: Bool) throws -> SecretBytes)

  /// The name that a credential has unless another one is given.
  public static let usualCredential = "reroot-master-key"

  /// What the environment offers where nothing was said: the credential of the usual name where the service manager
  /// passed one on, otherwise the file in the data folder.
  public static func usual(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> MasterKeySource {
    guard let path = try? credentialPath(usualCredential, environment), FileManager.default.fileExists(atPath: path)
    else { return .file(nil) }
    return .credential(usualCredential)
  }

  /// The path of a credential. Throws `MASTER_KEY_CREDENTIAL_MISSING`.
  static func credentialPath(_ name: String, _ environment: [String: String]) throws -> String {
    // systemd.exec(5): the name must be suitable as a file name.
    guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.utf8.contains(0) else {
      throw StoreError(
        code: "MASTER_KEY_CREDENTIAL_MISSING",
        sentence:
          "“\(VisibleText.of(name, limit: 100))” cannot be the name of a systemd credential: it is the name of a "
          + "file without a folder.")
    }
    guard let folder = environment["CREDENTIALS_DIRECTORY"], folder.hasPrefix("/") else {
      throw StoreError(
        code: "MASTER_KEY_CREDENTIAL_MISSING",
        sentence:
          "There is no systemd credential “\(name)”: the variable CREDENTIALS_DIRECTORY is not set. Start Reroot "
          + "as a service whose unit has LoadCredentialEncrypted=\(name).")
    }
    return folder + "/" + name
  }
}

/// Hears the passphrase that a source asks for, so that it can be recognised afterwards in what commands say.
struct HeardPassphrase: ~Copyable {
  /// The same source.
  let source: MasterKeySource
  private let heard: Heard

  private final class Heard: Sendable {
    let passphrase = Mutex<SecretBytes?>(nil)
  }

  init(_ source: MasterKeySource) {
    let heard = Heard()
    self.heard = heard
    guard case .passphrase(let ask) = source else {
      self.source = source
      return
    }
    self.source = .passphrase { isNew in
      let answer = try ask(isNew)
      heard.passphrase.withLock { $0 = answer }
      return answer
    }
  }

  /// The passphrase, once, so that it does not stay in memory; nil where none was asked for.
  func taken() -> SecretBytes? {
    heard.passphrase.withLock { heard in
      defer { heard = nil }
      return heard
    }
  }
}

/// The keys that may belong to a data folder.
struct FoundMasterKey {
  /// The key where it belongs; nil where only the next one is there.
  var key: MasterKey?
  /// A new key that a rotation has written beside it and not put in its place, because it was interrupted.
  var next: MasterKey?
  /// The file of the key; nil where it is none of Reroot's to write.
  var path: String?
}
