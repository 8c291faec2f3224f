import PKI

/// An inspection as lines for a terminal.
enum InspectionText {
  static func of(_ inspection: PFXInspection, file: String) -> String {
    var rows: [(label: String, value: String)] = [("File", VisibleText.of(file))]
    if let certificate = inspection.details.certificate {
      rows += [
        ("Subject", certificate.subject), ("Issuer", certificate.issuer), ("Key", certificate.keyDescription),
        ("Signature", certificate.signatureAlgorithm), ("Valid from", PFXDate.text(certificate.notBefore)),
        ("Valid until", PFXDate.text(certificate.notAfter)), ("SHA-256", certificate.fingerprint.description),
      ]
    }
    if let name = inspection.details.friendlyName { rows.append(("Name in file", name)) }
    if let mac = inspection.details.mac { rows.append(("MAC", mac)) }
    for encryption in inspection.details.encryptions { rows.append(("Encryption", encryption)) }
    rows.append(("Verdict", inspection.refusal.map { "refused, \($0.code)" } ?? "can be imported"))
    if inspection.refusal != nil { rows.append(("Reason", inspection.message)) }
    for warning in inspection.warnings { rows.append(("Warning", "\(warning.code): \(warning.sentence)")) }
    return aligned(rows)
  }

  /// Values in one column; long ones go on under it. A terminal that is narrower breaks the lines itself.
  private static func aligned(_ rows: [(label: String, value: String)]) -> String {
    let width = rows.map(\.label.count).max() ?? 0
    return rows.flatMap { row in
      let label = row.label + String(repeating: " ", count: width - row.label.count)
      let blank = String(repeating: " ", count: width)
      return wrapped(row.value, columns: 100 - width).enumerated().map { "\($0 == 0 ? label : blank)  \($1)" }
    }
    .joined(separator: "\n")
  }

  private static func wrapped(_ text: String, columns: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if let last = lines.last, last.count + 1 + word.count <= columns {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
