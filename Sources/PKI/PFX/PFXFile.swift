/// The outer structure of a PFX file (RFC 7292 section 4), read but not yet opened.
struct PFXFile: Sendable {
  /// One part of the file.
  enum Safe: Sendable {
    /// Bags that anybody can read.
    case plain(SecretBytes)
    /// Bags encrypted with the password.
    case encrypted(PFXEncryption, SecretBytes)
    /// Something else, by name, such as bags for the holder of a public key.
    case other(String)
  }

  let safes: [Safe]
  /// What the MAC covers.
  let authenticated: SecretBytes
  let mac: PFXMAC?
  /// Bytes after the file's own end.
  let trailingCount: Int

  private static let data = "1.2.840.113549.1.7.1"
  private static let signedData = "1.2.840.113549.1.7.2"
  private static let envelopedData = "1.2.840.113549.1.7.3"
  private static let encryptedData = "1.2.840.113549.1.7.6"

  /// Reads a file whose first elements `PFXSniffer` has found to be those of a PFX.
  init(_ bytes: SecretBytes) throws(PFXRefusal) {
    do {
      var outer = DERReader(bytes)
      var pfx = try DERReader(inside: try outer.next(DERTag.sequence, "the file's outermost element"))
      trailingCount = bytes.count - outer.position
      let version = try pfx.next(DERTag.integer, "the version").integer()
      // RFC 7292 section 4: "version INTEGER {v3(3)}(v3,...)". No other was ever defined.
      guard version == 3 else { throw DERError("its version is \(version), and only 3 exists") }
      let content = try Self.contentInfo(try pfx.next(DERTag.sequence, "the contents"))
      if content.type == Self.signedData { throw Self.signed }
      guard content.type == Self.data, let value = content.value else { throw DERError("its contents are missing") }
      guard value.isOctetString else { throw DERError("its contents are no octet string") }
      authenticated = try value.octets()
      let macValue = try pfx.nextIfPresent(DERTag.sequence)
      mac = if let macValue { try PFXMAC(reading: macValue) } else { nil }
      try pfx.finish("the outermost element")
      safes = try Self.safes(in: authenticated)
    } catch let error as PFXRefusal {
      throw error
    } catch let error as DERError {
      throw PFXRefusal.malformed(error)
    } catch {
      throw PFXRefusal.malformed("it cannot be read")
    }
  }

  private static let signed = PFXRefusal(
    .unsupportedMAC,
    "The file is protected with a signature instead of a password, which cannot be checked here. Export it again with a "
      + "password and a SHA-256 MAC.")

  /// RFC 7292 4.1: AuthenticatedSafe ::= SEQUENCE OF ContentInfo.
  private static func safes(in bytes: SecretBytes) throws -> [Safe] {
    var outer = DERReader(bytes)
    var reader = try DERReader(inside: try outer.next(DERTag.sequence, "the list of parts"))
    try outer.finish("the list of parts")
    var safes: [Safe] = []
    while !reader.isAtEnd {
      guard safes.count < PFXLimits.maximumSafes else {
        throw PFXRefusal(
          .tooManyObjects,
          "The file has more than \(PFXLimits.maximumSafes) parts. Export the root certificate and its key alone.")
      }
      safes.append(try safe(try reader.next(DERTag.sequence, "a part")))
    }
    return safes
  }

  private static func safe(_ element: DERValue) throws(DERError) -> Safe {
    let content = try contentInfo(element)
    switch content.type {
    case data:
      // An empty part is damage, but the MAC is to be heard first; reading no bags from it fails later.
      guard let value = content.value else { return .plain(SecretBytes([])) }
      guard value.isOctetString else { throw DERError("a part is no octet string") }
      return .plain(try value.octets())
    case encryptedData:
      guard let value = content.value else { throw DERError("an encrypted part is empty") }
      return try encrypted(value)
    case envelopedData: return .other("a public key (EnvelopedData)")
    default: return .other(PFXAlgorithms.name(of: content.type))
    }
  }

  /// RFC 5652 section 8: SEQUENCE { version, SEQUENCE { type, algorithm, [0] IMPLICIT OCTET STRING } }.
  private static func encrypted(_ value: DERValue) throws(DERError) -> Safe {
    var reader = try DERReader(inside: value)
    _ = try reader.next(DERTag.integer, "an encrypted part's version")
    var inner = try DERReader(inside: try reader.next(DERTag.sequence, "an encrypted part's content"))
    _ = try inner.next(DERTag.objectIdentifier, "the kind of an encrypted part")
    let encryption = try PFXEncryption(reading: try inner.next(DERTag.sequence, "an encrypted part's algorithm"))
    guard let tag = inner.nextTag, tag == DERTag.contextZero || tag == DERTag.contextZeroPlain else {
      throw DERError("an encrypted part is empty")
    }
    return .encrypted(encryption, try inner.next().octets())
  }

  /// RFC 5652 section 3: SEQUENCE { contentType, [0] EXPLICIT content OPTIONAL }.
  private static func contentInfo(_ element: DERValue) throws(DERError) -> (type: String, value: DERValue?) {
    var reader = try DERReader(inside: element)
    let type = try reader.next(DERTag.objectIdentifier, "the kind of a part").objectIdentifier()
    guard let wrapper = try reader.nextIfPresent(DERTag.contextZero) else { return (type, nil) }
    var inner = try DERReader(inside: wrapper)
    return (type, try inner.next())
  }
}
