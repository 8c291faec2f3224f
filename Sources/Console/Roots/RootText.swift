import Foundation
import PKI
import Store

/// How many days before its end a certificate is told of, by the setting “Days before an end”, and the present moment.
struct EndNotice: Sendable {
  let now: Date
  let limit: Int

  static func read(_ store: Store, now: Date) async throws -> EndNotice {
    let limit = Int(try await SettingsDesk.value(.expiryDays, store))
    return EndNotice(now: now, limit: limit ?? 30)
  }

  static func read(_ visit: Visit) async throws -> EndNotice {
    try await read(visit.services.store, now: visit.services.clock())
  }

  /// The whole days that are left.
  func days(until notAfter: Date) -> Int { Int((notAfter.timeIntervalSince(now) / 86_400).rounded(.down)) }
}

/// How certificates are written on pages.
enum CertificateText {
  /// `2b:9f:…` would be long for a list; the first eight bytes tell certificates apart for a person.
  static func short(_ fingerprint: Fingerprint) -> String { String(fingerprint.description.prefix(23)) + "…" }

  /// From when to when.
  static func validity(_ certificate: Certificate) -> String {
    "\(Display.moment(certificate.notBefore)) to \(Display.moment(certificate.notAfter))"
  }

  /// What is worth saying of the end of a certificate; nil when it is far away.
  static func ending(_ notAfter: Date, _ notice: EndNotice) -> String? {
    let days = notice.days(until: notAfter)
    if notAfter < notice.now { return "expired" }
    guard days < notice.limit else { return nil }
    return days < 1 ? "ends in less than a day" : "ends in \(Display.count(days, "day"))"
  }

  /// The rows of definitions that describe a certificate.
  static func rows(_ certificate: Certificate) -> [PageModel] {
    var rows = [Part.row("Subject", code: certificate.subject)]
    if certificate.issuer != certificate.subject { rows.append(Part.row("Issuer", code: certificate.issuer)) }
    if !certificate.subjectAlternativeNames.isEmpty {
      rows.append(Part.row("Names", lines: certificate.subjectAlternativeNames))
    }
    return rows + [
      Part.row("Key", certificate.keyDescription), Part.row("Signature", certificate.signatureAlgorithm),
      Part.row("Valid", validity(certificate)), Part.row("Serial number", code: certificate.serialNumber),
      Part.row("SHA-256 fingerprint", fingerprint: certificate.fingerprint.description),
    ]
  }
}

/// How roots are written on pages.
enum RootText {
  static func status(_ state: RootRecord.State) -> PageModel {
    switch state {
    case .inForce: Part.status("ok", "In force", title: "The certificates of the components are issued by it.")
    case .imported: Part.status("wait", "Imported", title: "Not used yet.")
    case .retiring: Part.status("warn", "Retiring", title: "An earlier root that is still trusted.")
    case .retired: Part.status("off", "Retired", title: "Out of every trust bundle.")
    }
  }

  /// The name of a file for a download: letters, digits and hyphens of the root's name.
  static func fileName(_ name: String, _ ending: String) -> String {
    let words = name.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    let stem = words.joined(separator: "-").prefix(60)
    return (stem.isEmpty ? "certificate" : stem) + "." + ending
  }
}
