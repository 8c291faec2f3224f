import Foundation
import PKI

/// Why something could not be handed over, in a sentence for a person. Holds no secret.
public struct SendingFailure: Error, Sendable, Hashable {
  /// What happened, and what to do.
  public let sentence: String
  /// Whether the other end was there and would not take this one: another one may well be taken.
  public let isOfMessage: Bool

  /// Describes a failure.
  public init(_ sentence: String, isOfMessage: Bool = false) {
    self.sentence = sentence
    self.isOfMessage = isOfMessage
  }
}

/// The programs by which something is handed over, and the authorities of this machine; tests set them.
public struct SendingPrograms: Sendable {
  /// curl, which speaks HTTPS and SMTP: a name, or an absolute path.
  public var curl = "curl"
  /// The mail system of this machine, as sendmail(8) is called.
  public var sendmail = "/usr/sbin/sendmail"
  /// The authorities that this machine trusts, in PEM.
  public var systemAuthorities = "/etc/ssl/certs/ca-certificates.crt"

  /// As Debian has them.
  public init() {}
}

/// One run of curl. What it is to do stands on its standard input: in an argument everybody on this machine could read it.
struct Curl: Sendable {
  let programs: SendingPrograms
  /// Trusted besides those of this machine.
  let authorities: [Certificate]

  private static let connectLimit = 10
  private static let limit = 30

  /// Runs it.
  ///
  /// - Parameters:
  ///   - options: long options without their hyphens; nil for one that takes no value.
  ///   - upload: a file that it sends, where it does.
  /// - Returns: what it wrote by the option `write-out`.
  /// - Throws: ``SendingFailure``.
  func run(_ options: [(name: String, value: String?)], upload: [UInt8]? = nil) async throws -> String {
    let trusted = try PrivateFile(Array((systemPEM + authorities.map(\.pem).joined()).utf8))
    let file = try upload.map { try PrivateFile($0) }
    var all: [(String, String?)] = [
      ("silent", nil), ("show-error", nil), ("globoff", nil), ("output", "/dev/null"),
      ("connect-timeout", "\(Self.connectLimit)"), ("max-time", "\(Self.limit)"), ("cacert", trusted.path),
    ]
    if let file { all.append(("upload-file", file.path)) }
    let result: CommandResult
    do {
      // `-q` first: no configuration of the user's counts (curl(1)).
      let command = Command(
        [programs.curl, "-q", "--config", "-"], timeLimit: .seconds(Self.limit + 5),
        input: Array(Self.text(all + options).utf8))
      result = try await command.run()
    } catch let failure as DeliveryFailure {
      throw SendingFailure("\(failure.failure.sentence) Install the package curl.")
    }
    withExtendedLifetime((trusted, file)) {}
    let lines = result.output.split(whereSeparator: \.isNewline).map(String.init)
    guard case .exited(0) = result.end else {
      let said = lines.first { $0.hasPrefix("curl: (") }
      throw SendingFailure(
        said.map { VisibleText.of($0, limit: 400) } ?? "curl was ended before it had done anything.",
        isOfMessage: said.map(Self.isOfMessage) ?? false)
    }
    return lines.last ?? ""
  }

  /// Whether the other end was reached and refused what it was given, by what curl says (curl(1), “Exit codes”): a mail
  /// server's `MAIL failed: 552` and `RCPT failed: 550`, its refusal of a text (8), a web server that ends the connection
  /// with no answer (52). A sign-in that is refused is none of these: it would be refused with the next one, too.
  static func isOfMessage(_ said: String) -> Bool {
    said.hasPrefix("curl: (8)") || said.hasPrefix("curl: (52)")
      || said.firstMatch(of: /(?:MAIL|RCPT|DATA) failed: [45][0-9][0-9]/) != nil
  }

  private var systemPEM: String {
    guard let text = try? String(contentsOfFile: programs.systemAuthorities, encoding: .utf8) else { return "" }
    return text.hasSuffix("\n") ? text : text + "\n"
  }

  /// A configuration file of curl: values in quotation marks, with the escapes of curl(1), “--config”.
  static func text(_ options: [(name: String, value: String?)]) -> String {
    options.map { name, value in
      guard let value else { return "\(name)\n" }
      return "\(name) = \"\(escaped(value))\"\n"
    }.joined()
  }

  /// Scalar by scalar, as curl reads it: a quotation mark and the accent behind it are one `Character`, which equals none.
  private static func escaped(_ value: String) -> String {
    value.unicodeScalars.map { scalar in
      switch scalar {
      case "\\": "\\\\"
      case "\"": "\\\""
      case "\n": "\\n"
      case "\r": "\\r"
      case "\t": "\\t"
      default: String(scalar)
      }
    }
    .joined()
  }
}

/// A file that only this user can read, for as long as somebody holds it.
final class PrivateFile: Sendable {
  let path: String

  init(_ bytes: [UInt8]) throws {
    // In a file, since curl takes neither authorities nor a mail beside its options from standard input.
    var template = Array((FileManager.default.temporaryDirectory.path + "/reroot-XXXXXX").utf8CString)
    // mkstemp(3) makes it with mode 0600.
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw SendingFailure("No temporary file could be made: \(String(cString: strerror(errno))). Make room for it.")
    }
    defer { close(descriptor) }
    path = template.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        unlink(path)
        throw SendingFailure("The file \(path) could not be written: \(String(cString: strerror(errno))). Make room.")
      }
      rest = rest.dropFirst(count)
    }
  }

  deinit { unlink(path) }
}
