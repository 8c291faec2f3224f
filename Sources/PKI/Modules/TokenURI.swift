import Foundation

/// Where a private key is in a hardware module: a PKCS#11 URI (RFC 7512), such as
/// `pkcs11:token=Root%20CA;object=root-2026;id=%01`.
///
/// It names one token, by its label or its serial number, and one key, by its label (`object`) or its `id`. What would be a
/// secret (`pin-value`) or would load code (`module-path`) is refused: both are given apart from it.
public struct TokenURI: Sendable, Hashable, CustomStringConvertible {
  /// The token's label.
  public private(set) var token: String?
  /// The token's serial number.
  public private(set) var serial: String?
  /// The token's manufacturer.
  public private(set) var manufacturer: String?
  /// The token's model.
  public private(set) var model: String?
  /// The key's label (CKA_LABEL).
  public private(set) var object: String?
  /// The key's identifier (CKA_ID).
  public private(set) var id: [UInt8]?
  /// As it was given.
  public let description: String

  private static let longest = 1024

  /// Reads a URI. Throws `TOKEN_URI_INVALID` with a sentence about what is wrong with it.
  public init(_ text: String) throws {
    guard text.lowercased().hasPrefix("pkcs11:"), text.utf8.count <= Self.longest else {
      throw Self.invalid("It begins with “pkcs11:” and has \(Self.longest) characters at most")
    }
    description = text
    let parts = Self.split(Substring(text.utf8.dropFirst("pkcs11:".utf8.count)), at: "?", most: 1)
    try Self.checkQuery(parts.count == 2 ? parts[1] : "")
    var seen: Set<String> = []
    for attribute in Self.split(parts[0], at: ";") where !parts[0].isEmpty {
      let pair = Self.split(attribute, at: "=", most: 1)
      guard pair.count == 2, let value = Self.decoded(pair[1]) else {
        throw Self.invalid("“\(VisibleText.of(String(attribute), limit: 80))” is no NAME=VALUE")
      }
      let name = String(pair[0])
      guard seen.insert(name).inserted else { throw Self.invalid("It has “\(name)” twice") }
      try take(name, value)
    }
    guard token != nil || serial != nil else { throw Self.invalid("It names no token: “token” or “serial” is missing") }
    guard object != nil || id != nil else { throw Self.invalid("It names no key: “object” or “id” is missing") }
  }

  private mutating func take(_ name: String, _ value: [UInt8]) throws {
    if name == "id" {
      id = value
      return
    }
    guard let text = String(validating: value, as: UTF8.self), !text.isEmpty, !text.utf8.contains(0) else {
      throw Self.invalid("The value of “\(VisibleText.of(name, limit: 40))” is no text in UTF-8")
    }
    switch name {
    case "token": token = text
    case "serial": serial = text
    case "manufacturer": manufacturer = text
    case "model": model = text
    case "object": object = text
    case "type":
      guard text == "private" else {
        throw Self.invalid("Its type is “\(VisibleText.of(text, limit: 40))”, and not “private”")
      }
    default: throw Self.invalid("“\(VisibleText.of(name, limit: 40))” says nothing about a token or a key")
    }
  }

  private static func checkQuery(_ query: Substring) throws {
    for attribute in split(query, at: "&") where !attribute.isEmpty {
      let name = split(attribute, at: "=")[0]
      if name == "pin-value" || name == "pin-source" {
        throw invalid(
          "It holds the PIN, which would be shown with it on every page. Take it out, and type it into its field")
      }
      throw invalid(
        "“\(VisibleText.of(String(name), limit: 40))” stands in it. Which module is loaded is chosen in its own field")
    }
  }

  /// Byte by byte: a separator and the accent behind it are one `Character`, which equals none.
  private static func split(_ text: Substring, at separator: Unicode.Scalar, most: Int = .max) -> [Substring] {
    text.utf8.split(separator: UInt8(ascii: separator), maxSplits: most, omittingEmptySubsequences: false)
      .map { Substring($0) }
  }

  /// RFC 3986 2.1; nil for a percent sign without two digits.
  private static func decoded(_ text: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = Hexadecimal.bytes(String(decoding: rest.prefix(2), as: UTF8.self))?.first
      else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return bytes
  }

  private static func invalid(_ reason: String) -> PKIError {
    PKIError(
      code: "TOKEN_URI_INVALID",
      sentence: "This is not the address of a key in a hardware module: \(reason). An address looks like "
        + "pkcs11:token=Root%20CA;object=root-2026 (RFC 7512).")
  }
}

extension TokenURI: Codable {
  /// Reads the URI from a plain string.
  public init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes the URI as a plain string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
