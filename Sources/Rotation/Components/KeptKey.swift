/// The files beside a key file whose key is made at the target and stays there. They lie in the folder of the key file and
/// are readable by nobody but the user that Reroot works as.
public enum KeptKey {
  /// Where a new key waits until it is deployed together with its certificate.
  public static func next(_ path: String) -> String { beside(path, "next") }

  /// Where the key is kept that the last deployment replaced, so that Abort can put it back.
  public static func previous(_ path: String) -> String { beside(path, "previous") }

  private static func beside(_ path: String, _ word: String) -> String {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return (parts.dropLast() + [".\(parts.last ?? "").reroot-\(word)"]).joined(separator: "/")
  }
}
