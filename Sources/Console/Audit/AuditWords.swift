import Rotation
import Store

/// The details of an entry in the words of the pages. What is stored, exported and sent to syslog keeps its stable names;
/// only the page reads as the other pages do.
struct AuditWords: Sendable {
  /// The components that there are now, for the actions that name one by its number.
  let components: [Component.ID: String]

  static func read(_ store: Store) async throws -> AuditWords {
    AuditWords(components: Dictionary(try await store.components().map { ($0.id, $0.name) }) { first, _ in first })
  }

  /// The details in the order of their stable names; what no words are known for is shown as it stands.
  func rows(_ details: [String: String]) -> [(term: String, text: String)] {
    details.sorted { $0.key < $1.key }
      .map { (Self.terms[$0.key] ?? Self.capitalised($0.key), text($0.value, of: $0.key)) }
  }

  private static let terms = [
    "accepts namesake": "Accepts a root of the same name", "accepts problems": "Accepts the problems of the plan",
    "asked by": "Asked by", "by": "Because of", "code": "Code of the refusal", "fingerprint": "SHA-256 fingerprint",
    "fingerprints": "SHA-256 fingerprints", "form": "In the form", "given": "Certificates in the file",
    "host": "Machine",
    "key": "Key in the module", "last entry found": "Last entry that is there",
    "last entry written": "Last entry that was written", "made": "Backup made",
    "module": "Hardware module", "plan hash": "Plan’s SHA-256", "program": "Version",
    "question": "Number of the question",
    "second factor": "Second factor", "secrets": "Secrets sealed again", "was": "Role before", "which": "Entries",
  ]

  private func text(_ value: String, of name: String) -> String {
    switch name {
    case "outcome": Outcome(rawValue: value)?.words ?? value
    case "role", "was": Role(rawValue: value)?.label ?? value
    case "actions", "failed": value.split(separator: ", ").map { action(String($0)) }.joined(separator: ", ")
    case "accepts namesake", "accepts problems", "armed", "fault": Self.capitalised(value)
    case "format": Self.formats[value] ?? value
    default: value
    }
  }

  private static let formats = ["csv": "CSV", "jsonl": "JSON Lines"]

  /// `verify:5`, as a decision names an action, or `verify MQTT broker`, as the end of an update does.
  private func action(_ text: String) -> String {
    let named = text.split(maxSplits: 1) { $0 == ":" || $0 == " " }.map(String.init)
    guard let first = named.first, let kind = ActionKind(rawValue: first) else { return text }
    guard named.count == 2 else { return kind.title }
    let verb = kind.title.contains(" ") || kind == .https ? "\(kind.title) of" : kind.title
    guard text.contains(":"), let number = Int64(named[1]) else { return "\(verb) \(named[1])" }
    return "\(verb) \(components[Component.ID(rawValue: number)] ?? "component \(number)")"
  }

  private static func capitalised(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
