import Foundation
import HTTP
import PKI
import Store

/// The page of the trust store.
enum TrustStorePages {
  static let crumbs = [(label: "Trust Store", href: "/trust-store")]

  static func list(
    authorities: [AuthorityRecord], certificates: [ServerCertificateRecord], serving: HTTPSRecord,
    _ notice: EndNotice, _ visit: Visit
  ) throws -> Response {
    var authorityList: PageModel = ["title": "Trusted authorities", "id": "authorities"]
    authorityList["action"] = visit.only(.administrator, Part.link("Add authorities", "/trust-store/authorities/add"))
    if authorities.isEmpty {
      authorityList["empty"] = Part.empty(
        "No trusted authority yet", "Add the certificates of authorities that Reroot shall trust besides its own roots."
      )
    } else {
      authorityList["table"] = Part.table(
        "Trusted authorities", columns: ["Subject", "Key", "Valid until", "Fingerprint"],
        rows: authorities.map { row($0, notice, visit) })
    }
    var certificateList: PageModel = ["title": "Server certificates", "id": "certificates"]
    certificateList["action"] = visit.only(
      .administrator, Part.link("Add server certificate", "/trust-store/certificates/add"))
    if certificates.isEmpty {
      certificateList["empty"] = Part.empty(
        "No server certificate yet",
        "Add a certificate with its key, so that an update can let this console serve HTTPS with it.")
    } else {
      certificateList["table"] = Part.table(
        "Server certificates", columns: ["Name", "Names", "Key", "Valid until", "State"],
        rows: certificates.map { row($0, serving, notice, visit) })
    }
    return try visit.page(
      "trust-store/list",
      [
        "header": Part.header(
          "Trust Store", lead: "What Reroot itself trusts, and what this console may serve HTTPS with."),
        "serving": Part.definitions(servingRows(serving, certificates)),
        "lists": [certificateList, authorityList],
      ])
  }

  private static func servingRows(_ serving: HTTPSRecord, _ certificates: [ServerCertificateRecord]) -> [PageModel] {
    let source: String
    switch serving.source {
    case .own: source = "A self-signed certificate of the console's own making. Browsers warn of it."
    case .trustStore(let id):
      source = "“\(certificates.first { $0.id == id }?.name ?? "A server certificate")” from the trust store"
    case .issued: source = "Issued by a root certificate in an update"
    }
    guard let leaf = serving.chain.first else { return [Part.row("HTTPS certificate", source)] }
    return [
      Part.row("HTTPS certificate", source), Part.row("Names", lines: leaf.subjectAlternativeNames),
      Part.row("Valid until", Display.moment(leaf.notAfter)),
      Part.row("SHA-256 fingerprint", fingerprint: leaf.fingerprint.description),
    ]
  }

  private static func row(_ record: AuthorityRecord, _ notice: EndNotice, _ visit: Visit) -> (
    cells: [PageModel], menu: PageModel?
  ) {
    let certificate = record.certificate
    let home = "/trust-store/authorities/\(record.id)"
    return (
      cells: [
        Part.cell(certificate.subject, href: home, isHeading: true),
        Part.cell(certificate.keyDescription, isWhole: true),
        Part.cell(
          Display.day(certificate.notAfter), note: CertificateText.ending(certificate.notAfter, notice), isWhole: true),
        Part.cell(code: CertificateText.short(certificate.fingerprint)),
      ], menu: menu(certificate.commonName ?? certificate.subject, home, visit)
    )
  }

  private static func row(
    _ record: ServerCertificateRecord, _ serving: HTTPSRecord, _ notice: EndNotice, _ visit: Visit
  ) -> (cells: [PageModel], menu: PageModel?) {
    let home = "/trust-store/certificates/\(record.id)"
    let leaf = record.chain.first
    let isServing = serving.source == .trustStore(record.id)
    let isOver = leaf.map { $0.notAfter < notice.now } ?? true
    let status =
      isServing
      ? Part.status("ok", "Serves HTTPS now")
      : isOver ? Part.status("error", "Expired") : Part.status("wait", "Can serve HTTPS")
    return (
      cells: [
        Part.cell(record.name, href: home, isHeading: true),
        Part.cell(leaf.map(names) ?? ""), Part.cell(leaf?.keyDescription ?? ""),
        Part.cell(
          leaf.map { Display.day($0.notAfter) } ?? "",
          note: leaf.flatMap { CertificateText.ending($0.notAfter, notice) }),
        Part.cell(status: status),
      ], menu: menu(record.name, home, visit)
    )
  }

  private static func names(_ certificate: Certificate) -> String {
    let names = certificate.subjectAlternativeNames.map {
      $0.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
    }
    return names.count > 3
      ? names.prefix(3).joined(separator: ", ") + " and \(names.count - 3) more"
      : names.joined(separator: ", ")
  }

  private static func menu(_ name: String, _ home: String, _ visit: Visit) -> PageModel {
    Part.menu(
      name,
      links: [("Details", home), ("Download certificate", "\(home)/certificate")]
        + visit.only(.administrator, [("Remove", "\(home)/remove")]))
  }
}
