import Delivery
import Foundation
import HTTP
import Store

/// The page that says where the audit log is sent on to.
enum SyslogPage {
  static let path = "/audit/syslog"
  private static let field = "address"

  static func show(_ visit: Visit, value: String? = nil, problem: String? = nil) async throws -> Response {
    let standing = try await visit.services.syslog.standing()
    var model: PageModel = [
      "header": Part.header(
        "Send to syslog", breadcrumbs: AuditPages.crumbs,
        lead:
          "Each entry is sent on after it is on disk (RFC 5424). Nothing waits for it; what nobody takes now is sent "
          + "later, in order."),
      "form": [
        "path": path,
        "fields": [
          FieldPart.input(
            field, "Address", value: value ?? standing.address ?? "",
            hint:
              "udp://HOST:514, tcp://HOST:601 or unix:/dev/log. Empty for nowhere. Neither is encrypted: use a syslog "
              + "on this machine to send it further by TLS.",
            error: problem
          ).attributes(["placeholder": "udp://log.example.net:514"]).optional.fields
        ],
        "buttons": Part.buttons("Save", cancel: "/audit"),
      ] as PageModel,
    ]
    model["banner"] = problem.map { Part.errors([(field, $0)]) } ?? banner(standing)
    return try visit.page("form", model, status: problem == nil ? 200 : 422)
  }

  static func save(_ request: Request, _ visit: Visit) async throws -> Response {
    let text = request.form[field] ?? ""
    do {
      let address = try await set(text, visit)
      return visit.redirect(
        to: "/audit",
        notice: address.map { "The audit log is sent on to \($0) from now on." }
          ?? "The audit log is not sent on any more.")
    } catch let refusal as InputRefusal {
      return try await show(visit, value: String(text.prefix(300)), problem: refusal.problems.first?.sentence)
    }
  }

  /// Sets where the audit log is sent on to.
  ///
  /// - Parameters:
  ///   - text: the address; empty for nowhere.
  ///   - read: the address that must still be set, nil in it for nowhere; nil sets it whatever it is.
  /// - Returns: the address as it is kept; nil for nowhere.
  /// - Throws: ``InputRefusal``; `CHANGED_MEANWHILE`.
  static func set(_ text: String, since read: String?? = nil, _ visit: Visit) async throws -> String? {
    let services = visit.services
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    let address = SyslogAddress(text)?.description
    guard text.isEmpty || address != nil else {
      throw InputRefusal(field, "Give udp://HOST:PORT, tcp://HOST:PORT or unix:/PATH, or nothing.")
    }
    let act = try await services.store.setSyslogAddress(address, expecting: read) {
      visit.act(.settingChanged, on: "syslog", $0)
    }
    if let act { visit.log(act) }
    await services.syslog.addressChanged()
    return address
  }

  /// What went wrong with the sending; nil where nothing did.
  static func banner(_ standing: SyslogDesk.Standing) -> PageModel? {
    guard let problem = standing.problem, standing.waiting > 0 else { return nil }
    let number = Int(clamping: standing.waiting)
    return Part.banner(
      "warn", "\(Display.count(number, "entry waits", "entries wait")) to be sent to syslog", text: problem)
  }
}
