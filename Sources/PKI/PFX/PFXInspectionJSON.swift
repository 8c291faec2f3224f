import Foundation

extension PFXInspection {
  /// One JSON object: `verdict` (accept or reject), `reason` (null for an accept), `message`, `warnings` (each with `code`
  /// and `message`), and what is known of the certificate. Never a password nor anything of the key.
  public func json() -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let data = try? encoder.encode(Report(self)) else { return #"{"verdict":"reject","reason":"MALFORMED"}"# }
    return String(decoding: data, as: UTF8.self)
  }

  private struct Report: Encodable {
    struct Warning: Encodable {
      let code: String
      let message: String
    }

    let verdict: String
    let reason: String?
    let message: String
    let warnings: [Warning]
    let subject: String?
    let issuer: String?
    let serialNumber: String?
    let notBefore: String?
    let notAfter: String?
    let key: String?
    let signature: String?
    let fingerprint: String?
    let friendlyName: String?
    let certificates: Int?
    let keys: Int?
    let mac: String?
    let encryptions: [String]

    init(_ inspection: PFXInspection) {
      let details = inspection.details
      verdict = inspection.refusal == nil ? "accept" : "reject"
      reason = inspection.refusal?.code
      message = inspection.message
      warnings = inspection.warnings.map { Warning(code: $0.code, message: $0.sentence) }
      subject = details.certificate?.subject
      issuer = details.certificate?.issuer
      serialNumber = details.certificate?.serialNumber
      notBefore = details.certificate.map { PFXDate.iso($0.notBefore) }
      notAfter = details.certificate.map { PFXDate.iso($0.notAfter) }
      key = details.certificate?.keyDescription
      signature = details.certificate?.signatureAlgorithm
      fingerprint = details.certificate?.fingerprint.description
      friendlyName = details.friendlyName
      certificates = details.certificateCount
      keys = details.keyCount
      mac = details.mac
      encryptions = details.encryptions
    }
  }
}
