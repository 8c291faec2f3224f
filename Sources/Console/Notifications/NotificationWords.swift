import Foundation
import PKI
import Rotation
import Store

/// A notification as it is sent.
struct NotificationWords: Sendable {
  private let record: NotificationRecord
  /// The console's address without a path; empty where nobody has said.
  private let console: String

  init(_ record: NotificationRecord, console: String) {
    (self.record, self.console) = (record, console)
  }

  private var link: String? {
    guard let path = record.notification.path, !console.isEmpty else { return nil }
    return console + path
  }

  /// The subject of a message.
  var subject: String { VisibleText.of(record.notification.subject, limit: 200) }

  /// The text of a message.
  var text: String {
    [record.notification.text, link].compactMap(\.self).joined(separator: "\n\n") + "\n"
  }

  /// The body of a webhook (Standard Webhooks 1.0, “Payload structure”).
  func json() throws -> [UInt8] {
    let message = record.notification
    return try JSONValue.object([
      "type": .string(message.kind.rawValue), "timestamp": .moment(record.madeAt),
      "data": [
        "subject": .string(subject), "text": .string(message.text),
        "update": message.update.map { .integer($0.rawValue) } ?? .null, "component": .text(message.component),
        "url": .text(link),
      ],
    ]).bytes()
  }

  /// What an entry of the audit log is worth; nil for most.
  static func message(_ entry: AuditEntry) -> NotificationMessage? {
    if entry.event == AuditEvent.endpointDiffers.rawValue { return differing(entry) }
    guard let update = entry.subject.flatMap(number) else { return nil }
    let failed = entry.details["failed"] ?? "none"
    func message(_ kind: NotificationMessage.Kind, _ what: String, _ text: String) -> NotificationMessage {
      NotificationMessage(
        kind, subject: "Update \(update) \(what)", text: text, update: update, path: "/updates/\(update)",
        key: "audit:\(entry.number)")
    }
    switch AuditEvent(rawValue: entry.event) {
    case .updateFailed:
      return message(
        .failureWaiting, "waits for a decision",
        "These actions have failed: \(failed). Open the update and decide: Abort, Override, Retry or Continue Update.")
    case .updateEnded:
      switch entry.details["outcome"].flatMap(Outcome.init) {
      case .completed?: return message(.completed, "is completed", "Every component is on the new certificate set.")
      case .completedWithErrors?:
        return message(
          .completedWithErrors, "is completed with errors",
          "These actions have failed: \(failed). Each offers Retry on the page of the update, and the whole offers Abort."
        )
      case .rolledBack?:
        return message(.rolledBack, "was rolled back", "Every component that was touched is as it was before.")
      case .rolledBackWithErrors?:
        return message(
          .rolledBack, "was rolled back with errors",
          "Every component is as it was before, but for those whose restore was overridden: \(failed).")
      case nil: return nil
      }
    default: return nil
    }
  }

  /// What watching has found at a component, or at many at once. An end that comes nearer is told by its own message.
  private static func differing(_ entry: AuditEntry) -> NotificationMessage? {
    guard let subject = entry.subject else { return nil }
    let expiring = ": \(WatchFinding.Kind.expiring.rawValue)"
    let kinds = Store.findingsKey
    guard entry.details[kinds] != WatchFinding.Kind.expiring.rawValue else { return nil }
    let found = entry.details.sorted { $0.key < $1.key }.filter { !$0.key.hasSuffix(expiring) && $0.key != kinds }
      .map(\.value)
    guard !found.isEmpty else { return nil }
    let isOne = entry.details["components"] == nil
    return NotificationMessage(
      .endpointDiffers, subject: "\(subject) \(isOne ? "is" : "are") not as Reroot deployed \(isOne ? "it" : "them")",
      text: found.joined(separator: " ") + " Find out who has changed it; its page says since when.",
      component: isOne ? subject : nil, path: "/components", key: "audit:\(entry.number)")
  }

  private static func number(_ subject: String) -> UpdateRecord.ID? {
    guard subject.hasPrefix("update ") else { return nil }
    return Int64(subject.dropFirst("update ".count)).map(UpdateRecord.ID.init(rawValue:))
  }
}

/// The end of a certificate that the system stands on.
struct CertificateEnd: Sendable {
  /// Whose certificate it is, at the beginning of a sentence.
  let whose: String
  let component: (id: Component.ID, name: String)?
  let fingerprint: String
  let notAfter: Date
  /// The page of the console that tells of it.
  let path: String
  let advice: String

  /// Of the roots in use, of every component's certificate in force, and of the console's own.
  static func all(_ store: Store, console: Certificate?) async throws -> [CertificateEnd] {
    var ends = try await store.roots().filter { [.inForce, .retiring].contains($0.state) }.map { root in
      CertificateEnd(
        whose: "Root certificate “\(VisibleText.of(root.name))”", component: nil,
        fingerprint: root.certificate.fingerprint.hex, notAfter: root.certificate.notAfter, path: "/roots/\(root.id)",
        advice: root.state == .inForce
          ? "Import its successor, and start an update to it." : "Update what still uses it, then retire it.")
    }
    let members = try await store.currentSet()?.members ?? [:]
    for component in try await store.components() {
      guard let member = members[component.id] else { continue }
      let name = VisibleText.of(component.name)
      ends.append(
        CertificateEnd(
          whose: "\(name): its certificate", component: (component.id, name), fingerprint: member.fingerprint,
          notAfter: member.notAfter, path: "/components/\(component.id)", advice: "Start an update."))
    }
    if let console {
      ends.append(
        CertificateEnd(
          whose: "The console's HTTPS certificate", component: nil, fingerprint: console.fingerprint.hex,
          notAfter: console.notAfter, path: "/trust-store", advice: "Choose another one in an update."))
    }
    return ends
  }

  /// What to tell; nil while it is further away than so many days, or a renewal is about to see to it. Once before its end,
  /// and once after it.
  func message(now: Date, days: Int, renewal: RenewalLateness?) -> NotificationMessage? {
    let left = notAfter.timeIntervalSince(now)
    guard left < Double(days) * 86_400 else { return nil }
    let isOver = left < 0
    let isRenewed = component.map { renewal?.components.contains($0.id) == true } ?? false
    if isRenewed, !isOver, let renewal, now < renewal.moment { return nil }
    let next = isRenewed ? "Its renewal is late: the page “Updates” says why." : advice
    let rest = Int(left / 86_400)
    let sentence =
      isOver
      ? "\(whose) has expired"
      : "\(whose) ends in \(rest == 0 ? "less than a day" : Display.count(rest, "day"))"
    return NotificationMessage(
      .expiring, subject: sentence, text: "\(sentence), on \(Display.moment(notAfter)). \(next)",
      component: component?.name, path: path, key: "\(isOver ? "expired" : "expiring"):\(fingerprint)")
  }
}
