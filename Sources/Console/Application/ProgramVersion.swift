/// The version of this program, as backups record it and `reroot --version` prints it.
public enum ProgramVersion {
  /// Such as `1.1.0`; with `-dev` between two releases.
  public static let text = "1.1.0-dev"
}
