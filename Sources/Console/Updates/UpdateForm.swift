import Foundation
import HTTP
import Rotation
import Store

/// The form of an update as it was filled in, to be checked or shown again.
struct UpdateForm: Sendable {
  var root: RootRecord.ID
  var months = "12"
  var https = "existing"
  var serverCertificate = ""
  var policy = FailurePolicy.stop.rawValue

  /// An untouched form: a year, or as long as the root allows.
  init(root: RootRecord, now: Date) {
    self.root = root.id
    let largest = Validity.largest(from: now, rootNotAfter: root.certificate.notAfter)
    months = String(min(12, max(1, largest)))
  }

  /// A form that was sent.
  init(_ form: Form) throws {
    guard let number = form["root"].flatMap({ Int64($0) }), number > 0 else {
      throw PageError.notFound("root certificate")
    }
    root = RootRecord.ID(rawValue: number)
    months = form["months"] ?? ""
    https = form["https"] ?? ""
    serverCertificate = form["serverCertificate"] ?? ""
    policy = form["policy"] ?? ""
  }

  /// The choices, or what is wrong with each field.
  func checked(_ root: RootRecord, now: Date) -> (choices: UpdateChoices?, problems: [String: String]) {
    var problems: [String: String] = [:]
    let trimmed = months.trimmingCharacters(in: .whitespaces)
    let number = trimmed.utf8.count <= 6 ? Int(trimmed) : nil
    if let problem = Validity.problem(months: number ?? 0, from: now, rootNotAfter: root.certificate.notAfter) {
      problems["months"] = problem.sentence + " " + problem.advice
    }
    let policy = FailurePolicy(rawValue: policy)
    if policy == nil { problems["policy"] = "Choose what happens when an action fails." }
    let choice = httpsChoice
    if choice == nil {
      problems[https == "trustStore" ? "serverCertificate" : "https"] =
        https == "trustStore"
        ? "Choose one of the server certificates from the trust store." : "Choose what the console serves HTTPS with."
    }
    guard problems.isEmpty, let number, let policy, let choice else { return (nil, problems) }
    return (UpdateChoices(root: self.root, months: number, policy: policy, https: choice), [:])
  }

  private var httpsChoice: HTTPSChoice? {
    switch https {
    case "existing": .existing
    case "issue": .issue
    case "trustStore": Int64(serverCertificate).flatMap { $0 > 0 ? .trustStore($0) : nil }
    default: nil
    }
  }
}

/// The page of that form.
enum UpdateFormPage {
  static func model(
    _ form: UpdateForm, root: RootRecord, servers: [ServerCertificateRecord], problems: [String: String], now: Date
  ) -> PageModel {
    let largest = Validity.largest(from: now, rootNotAfter: root.certificate.notAfter)
    var model: PageModel = [
      "title": "Update",
      "section": "/roots",
      "root": "\(root.id)",
      "header": [
        "title": "Update all components to \(Text.visible(root.name))",
        "lead": "The next page shows what would happen. Nothing is touched before you start.",
        "hasBreadcrumbs": true,
        "breadcrumbs": [
          ["label": "Certificate Management", "href": "/roots"] as PageModel,
          ["label": Text.visible(root.name), "href": "/roots/\(root.id)"] as PageModel,
        ],
      ] as PageModel,
      "months": months(form, largest, problems["months"], root),
      "isExisting": form.https == "existing", "isTrustStore": form.https == "trustStore",
      "isIssue": form.https == "issue", "isStop": form.policy == "stop", "isContinue": form.policy == "continue",
      "hasServers": !servers.isEmpty,
      "servers": servers.map { server in
        [
          "value": "\(server.id)",
          "label": "\(Text.visible(server.name)) (until \(server.chain.first.map { Display.day($0.notAfter) } ?? "?"))",
          "isSelected": form.serverCertificate == "\(server.id)",
        ] as PageModel
      },
    ]
    for (field, problem) in problems { model[field + "Error"] = problem }
    if !problems.isEmpty {
      model["banner"] =
        [
          "tone": "error", "title": "The plan was not made", "role": "alert", "hasItems": true,
          "items": problems.sorted { $0.key < $1.key }.map { ["text": $0.value, "href": "#\($0.key)"] as PageModel },
        ] as PageModel
    }
    return model
  }

  private static func months(_ form: UpdateForm, _ largest: Int, _ error: String?, _ root: RootRecord) -> PageModel {
    var field: PageModel = [
      "name": "months", "label": "Number of Months Until Expiry", "type": "number", "width": "short",
      "value": Text.visible(form.months), "isRequired": true,
      "hint": "From 1 to \(largest). The root certificate itself ends on \(Display.day(root.certificate.notAfter)).",
      "attributes": ["min": "1", "max": "\(max(1, largest))", "inputmode": "numeric"] as PageModel,
    ]
    if let error { field["error"] = error }
    return field
  }
}
