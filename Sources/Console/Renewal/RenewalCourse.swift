import Foundation
import PKI
import Rotation
import Store

/// What a renewal chooses where an administrator would fill in the form of an update.
struct RenewalCourse: Sendable {
  /// The root in force.
  let root: RootRecord
  /// As many months as the update before had, or as the root still allows; the policy Stop; for the console a new certificate
  /// if it had one of a root.
  let choices: UpdateChoices

  /// - Throws: ``RenewalHold`` when the new certificates would be due again at once.
  static func make(_ store: Store, now: Date) async throws -> RenewalCourse {
    guard let set = try await store.currentSet(), let root = try await store.rootInForce() else {
      throw RenewalHold(code: "NO_SET", "No certificates are in force that could be renewed.")
    }
    let wanted = try await months(of: set, store)
    let largest = Validity.largest(from: now, rootNotAfter: root.certificate.notAfter)
    let months = min(wanted, largest)
    let name = VisibleText.of(root.name)
    let lead = try await RenewalSettings.read(store).lead
    let end = Validity.end(of: max(1, months), from: now)
    let dueAgain = lead.due(begin: now, end: end) ?? end
    guard months > 0, dueAgain > now || months == wanted else {
      throw RenewalHold(
        code: "ROOT_ENDS_TOO_SOON",
        "The root certificate “\(name)” ends on \(Display.day(root.certificate.notAfter)): certificates that it signs now "
          + "would have to be renewed at once. Import a root certificate that is valid for longer, and update to it.",
        path: "/roots")
    }
    guard dueAgain > now else {
      throw RenewalHold(
        code: "RENEWAL_TOO_EARLY",
        "Certificates of \(Display.count(months, "month")) would be due at once again, since they are renewed \(lead) before "
          + "their end. Choose less under Settings, or plan an update with more months.", path: "/settings")
    }
    return RenewalCourse(
      root: root,
      choices: UpdateChoices(root: root.id, months: months, policy: .stop, https: try await https(store)))
  }

  private static func months(of set: CertificateSet, _ store: Store) async throws -> Int {
    guard let id = set.update else { return 12 }
    return try await store.plan(store.update(id).plan).months
  }

  private static func https(_ store: Store) async throws -> HTTPSChoice {
    guard case .issued = try await store.httpsChain()?.source else { return .existing }
    return .issue
  }
}
