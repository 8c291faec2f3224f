/// What the demo prints when it is ready: everything that a newcomer needs, in columns.
public struct DemoBanner: Sendable, Hashable {
  /// The address of the console.
  public var address: String
  /// The first administrator's name.
  public var administrator: String
  /// The password; nil when it was printed at an earlier start, and somebody has signed in with it since.
  public var password: String?
  /// The second root's file.
  public var rootFile: String
  /// Its password.
  public var rootPassword: String
  /// The folder of everything.
  public var folder: String
  /// Whether that folder goes when the demo ends.
  public var isTemporary: Bool

  /// The block, with an empty line before and after it.
  public var text: String {
    let rows = [
      ("Address", address),
      ("", "The browser will warn: the certificate is the console's own until you choose another."),
      ("Name", administrator),
      ("Password", password ?? "as it was printed by an earlier start with this folder"),
      ("", ""),
      ("Second root", rootFile),
      ("Its password", rootPassword),
      ("", "Import it under Certificate Management, then choose Update in its row."),
      ("", ""),
      ("Folder", isTemporary ? "\(folder) (removed at the end)" : folder),
      ("Stop", "Ctrl-C"),
    ]
    let width = rows.map(\.0.count).max() ?? 0
    let lines = rows.map { title, value in
      value.isEmpty ? "" : "  " + title + String(repeating: " ", count: width - title.count) + "  " + value
    }
    return "\n  The demo of Reroot is ready.\n\n" + lines.joined(separator: "\n") + "\n"
  }
}
