import Foundation
import PKI

/// A message to mailboxes (RFC 5322), plain text.
public struct Mail: Sendable {
  /// Who it comes from.
  public let from: String
  /// Who gets it.
  public let to: [String]
  /// One line.
  public let subject: String
  /// The text.
  public let text: String
  /// When it was written.
  public let date: Date
  /// What tells it from others, without the host; the same when it is sent again.
  public let id: String

  /// Describes a message; addresses have been checked with ``isAddress(_:)``.
  public init(from: String, to: [String], subject: String, text: String, date: Date, id: String) {
    (self.from, self.to, self.subject, self.text, self.date, self.id) = (from, to, subject, text, date, id)
  }

  /// The way to the mailboxes.
  public enum Route: Sendable {
    /// The mail system of this machine.
    case sendmail
    /// A submission server (RFC 6409): `smtps://HOST:465`, or `smtp://HOST:587`, with which TLS is begun in any case.
    case server(String, user: String, password: SecretBytes?)
  }

  /// Whether a text is the address of one mailbox (RFC 5321, section 4.1.2), without what needs quotation marks.
  public static func isAddress(_ text: String) -> Bool {
    guard text.utf8.count <= 254 else { return false }
    return text.wholeMatch(of: /[A-Za-z0-9!#$%&'*+\/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?/)
      != nil
      && !text.contains("..")
  }

  /// Hands it over.
  ///
  /// - Parameter authorities: trusted besides those of this machine.
  /// - Throws: ``SendingFailure``.
  public func send(by route: Route, trusting authorities: [Certificate], by programs: SendingPrograms) async throws {
    switch route {
    case .sendmail: try await hand(to: programs.sendmail)
    case .server(let address, let user, let password):
      var options: [(name: String, value: String?)] = [
        ("url", address), ("proto", "=smtp,smtps"), ("ssl-reqd", nil), ("mail-from", from),
      ]
      options += to.map { ("mail-rcpt", $0) }
      if let password, !user.isEmpty {
        options.append(("user", user + ":" + password.withBytes { String(decoding: $0, as: UTF8.self) }))
      }
      _ = try await Curl(programs: programs, authorities: authorities).run(options, upload: bytes(lineBreak: "\r\n"))
    }
  }

  private func hand(to sendmail: String) async throws {
    let result: CommandResult
    do {
      // Recipients from the header; a line with a single dot does not end it (sendmail(8)).
      result = try await Command(
        [sendmail, "-t", "-i"], timeLimit: .seconds(30), input: bytes(lineBreak: "\n")
      ).run()
    } catch let failure as DeliveryFailure {
      throw SendingFailure("\(failure.failure.sentence) Install a mail system, or set a submission server.")
    }
    guard case .exited(0) = result.end else {
      let said = VisibleText.of(result.output.trimmingCharacters(in: .whitespacesAndNewlines), limit: 300)
      // What ran to its end has looked at this message; what had to be ended hangs with any.
      let isOfMessage = if case .exited = result.end { true } else { false }
      throw SendingFailure("\(sendmail) did not take the message. \(said)", isOfMessage: isOfMessage)
    }
  }

  // MARK: As it is sent

  /// The message with its header; the text in base64, so that no line is too long and none begins with a dot.
  public func bytes(lineBreak: String) -> [UInt8] {
    let host = from.split(separator: "@").last.map(String.init) ?? "localhost"
    let header = [
      "From: Reroot <\(from)>", "To: \(to.joined(separator: ",\(lineBreak) "))",
      "Subject: \(Self.words(subject).joined(separator: "\(lineBreak) "))", "Date: \(Self.text(date))",
      "Message-ID: <\(id)@\(host)>", "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: base64",
      // RFC 3834: nobody is to answer it by a program.
      "Auto-Submitted: auto-generated",
    ]
    let encoded = Data(text.replacing("\n", with: "\r\n").utf8).base64EncodedString()
    let lines = stride(from: 0, to: encoded.utf8.count, by: 76).map { start in
      String(decoding: encoded.utf8.dropFirst(start).prefix(76), as: UTF8.self)
    }
    return Array(((header + [""] + lines).joined(separator: lineBreak) + lineBreak).utf8)
  }

  /// A text of a header field: as it is where it is short and plain, otherwise in encoded words (RFC 2047, section 2).
  static func words(_ text: String) -> [String] {
    let isPlain = text.utf8.allSatisfy { (0x20...0x7E).contains($0) } && !text.contains("=?")
    if isPlain, text.utf8.count <= 67 { return [text] }
    var words: [String] = []
    var part = ""
    for character in text.unicodeScalars.map({ Character($0) }) {
      // With `=?utf-8?B?` and `?=` around it, and the field's name before it, a line has 76 characters at most.
      if part.utf8.count + character.utf8.count > 39 {
        words.append(part)
        part = ""
      }
      part.append(character.isNewline ? " " : character)
    }
    return (words + [part]).map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }
  }

  /// RFC 5322, section 3.3.
  private static func text(_ date: Date) -> String {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = TimeZone(secondsFromGMT: 0)
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
    return formatter.string(from: date)
  }
}
