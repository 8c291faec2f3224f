import Foundation

/// A root certificate that may be imported, with its key.
public struct ImportedRoot: Sendable {
  /// The root.
  public let certificate: Certificate
  /// Its private key.
  public let key: PrivateKey
  /// The name that the exporting program gave it, with control characters made visible.
  public let friendlyName: String?
  /// The other certificates of the file, each once.
  public let extra: [Certificate]
}

/// What looking into a PFX file brought to light.
public struct PFXInspection: Sendable {
  /// Whether the file may be imported.
  public enum Verdict: Sendable {
    /// It may; the warnings are to be shown before the import is confirmed.
    case accept(root: ImportedRoot, warnings: [PFXWarning])
    /// It may not.
    case reject(PFXRefusal)
  }

  /// What was found, as far as the file could be read. Everything here is text fit to be shown.
  public struct Details: Sendable {
    /// The certificate that belongs to the key, or the only one that there is.
    public internal(set) var certificate: Certificate?
    /// The name that the exporting program gave it.
    public internal(set) var friendlyName: String?
    /// Certificates and keys in the file.
    public internal(set) var certificateCount: Int?
    /// Private keys in the file.
    public internal(set) var keyCount: Int?
    /// The encryptions of the file's parts, in words.
    public internal(set) var encryptions: [String] = []
    /// The MAC's digest.
    public internal(set) var mac: String?
  }

  /// The answer.
  public let verdict: Verdict
  /// What it is based on.
  public let details: Details

  /// The root, where it may be imported.
  public var root: ImportedRoot? {
    guard case .accept(let root, _) = verdict else { return nil }
    return root
  }

  /// The refusal, where there is one.
  public var refusal: PFXRefusal? {
    guard case .reject(let refusal) = verdict else { return nil }
    return refusal
  }

  /// The warnings; none for a refusal.
  public var warnings: [PFXWarning] {
    guard case .accept(_, let warnings) = verdict else { return [] }
    return warnings
  }

  /// One sentence about the whole, with the subject where it is accepted.
  public var message: String {
    switch verdict {
    case .reject(let refusal): refusal.sentence
    case .accept(let root, _):
      "“\(root.certificate.subject)” can be imported as a root certificate; it is valid until "
        + "\(PFXDate.text(root.certificate.notAfter))."
    }
  }
}

/// Dates as the messages write them.
public enum PFXDate {
  /// `2031-05-04 12:00:00 UTC`.
  public static func text(_ date: Date) -> String {
    var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "an unknown date" }
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let year = String(parts.tm_year + 1900)
    let day =
      String(repeating: "0", count: max(0, 4 - year.count)) + year + "-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
  }

  /// `2031-05-04T12:00:00Z`, for programs.
  public static func iso(_ date: Date) -> String {
    text(date).replacing(" UTC", with: "Z").replacing(" ", with: "T")
  }
}
