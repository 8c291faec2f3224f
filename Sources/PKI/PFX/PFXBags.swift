/// The objects of one or more safes (RFC 7292 4.2), read with the limits on their number.
struct PFXBags: Sendable {
  /// A key as it stands in the file.
  struct Key: Sendable {
    let material: Material
    let friendlyName: String?
  }

  /// How a key is kept.
  enum Material: Sendable {
    /// PKCS#8 as it is.
    case plain(SecretBytes)
    /// PKCS#8 encrypted by itself.
    case shrouded(PFXEncryption, SecretBytes)
  }

  /// Where a key stands that is not encrypted by itself.
  enum PlaintextKey: Sendable {
    case inEncryptedSafe
    case open
  }

  private(set) var keys: [Key] = []
  private(set) var certificates: [(der: [UInt8], friendlyName: String?, isTrusted: Bool)] = []
  private(set) var revocationListCount = 0
  private(set) var otherCount = 0
  /// Whether a key is not encrypted by itself, and if so, whether the safe around it is.
  private(set) var plaintextKey: PlaintextKey?
  private var count = 0

  private static let prefix = "1.2.840.113549.1.12.10.1."
  private static let x509 = "1.2.840.113549.1.9.22.1"
  private static let friendlyName = "1.2.840.113549.1.9.20"
  /// Oracle's attribute, without which Java takes a certificate for no trusted entry.
  private static let trustedKeyUsage = "2.16.840.1.113894.746875.1.1"

  /// Adds the bags of one safe. `isEncrypted` tells whether the safe itself was.
  mutating func read(_ safe: SecretBytes, isEncrypted: Bool) throws(PFXRefusal) {
    do {
      var outer = DERReader(safe)
      try readBags(try outer.next(DERTag.sequence, "a list of bags"), isEncrypted: isEncrypted, level: 0)
      try outer.finish("a list of bags")
    } catch let error as PFXRefusal {
      throw error
    } catch let error as DERError {
      throw PFXRefusal.malformed(error)
    } catch {
      throw PFXRefusal.malformed("a list of bags cannot be read")
    }
  }

  private mutating func readBags(_ list: DERValue, isEncrypted: Bool, level: Int) throws {
    guard level < PFXLimits.maximumNesting else { throw DERError("its bags are nested too deeply") }
    var reader = try DERReader(inside: list)
    while !reader.isAtEnd {
      count += 1
      guard count <= PFXLimits.maximumBags else { throw Self.tooMany("objects", PFXLimits.maximumBags) }
      try readBag(try reader.next(DERTag.sequence, "a bag"), isEncrypted: isEncrypted, level: level)
    }
  }

  /// SafeBag ::= SEQUENCE { bagId, [0] EXPLICIT bagValue, bagAttributes SET OF OPTIONAL }.
  private mutating func readBag(_ element: DERValue, isEncrypted: Bool, level: Int) throws {
    var reader = try DERReader(inside: element)
    let kind = try reader.next(DERTag.objectIdentifier, "the kind of a bag").objectIdentifier()
    var wrapper = try DERReader(inside: try reader.next(DERTag.contextZero, "a bag's content"))
    let value = try wrapper.next()
    let (name, isTrusted) = try Self.attributes(in: try reader.nextIfPresent(DERTag.set))
    switch kind {
    case Self.prefix + "1":
      if plaintextKey != .open { plaintextKey = isEncrypted ? .inEncryptedSafe : .open }
      // PKCS#8 is a SEQUENCE, whose own header belongs to it.
      try add(Key(material: .plain(value.withHeader), friendlyName: name))
    case Self.prefix + "2":
      var inner = try DERReader(inside: value)
      let encryption = try PFXEncryption(reading: try inner.next(DERTag.sequence, "a key's encryption"))
      let data = try inner.next(DERTag.octetString, "an encrypted key").octets()
      try add(Key(material: .shrouded(encryption, data), friendlyName: name))
    case Self.prefix + "3": try addCertificate(value, name: name, isTrusted: isTrusted)
    case Self.prefix + "4": revocationListCount += 1
    case Self.prefix + "6": try readBags(value, isEncrypted: isEncrypted, level: level + 1)
    default: otherCount += 1
    }
  }

  private mutating func add(_ key: Key) throws {
    guard keys.count < PFXLimits.maximumKeys else { throw Self.tooMany("keys", PFXLimits.maximumKeys) }
    keys.append(key)
  }

  /// CertBag ::= SEQUENCE { certId, [0] EXPLICIT certValue }.
  private mutating func addCertificate(_ value: DERValue, name: String?, isTrusted: Bool) throws {
    var reader = try DERReader(inside: value)
    guard try reader.next(DERTag.objectIdentifier, "the kind of a certificate").objectIdentifier() == Self.x509 else {
      otherCount += 1
      return
    }
    var wrapper = try DERReader(inside: try reader.next(DERTag.contextZero, "a certificate"))
    let content = try wrapper.next()
    guard content.isOctetString else { throw DERError("a certificate is no octet string") }
    guard certificates.count < PFXLimits.maximumCertificates else {
      throw Self.tooMany("certificates", PFXLimits.maximumCertificates)
    }
    certificates.append((try content.octets().withBytes { Array($0) }, name, isTrusted))
  }

  private static func tooMany(_ what: String, _ limit: Int) -> PFXRefusal {
    PFXRefusal(
      .tooManyObjects,
      "The file holds more than \(limit) \(what), the most that is read. Export the root certificate and its key alone."
    )
  }

  /// The friendly name among a bag's attributes, made visible, and whether Java trusts what is in the bag. Others are
  /// passed over, damaged ones are not.
  private static func attributes(in attributes: DERValue?) throws -> (name: String?, isTrusted: Bool) {
    guard let attributes else { return (nil, false) }
    var reader = try DERReader(inside: attributes)
    var name: String?
    var isTrusted = false
    while !reader.isAtEnd {
      var attribute = try DERReader(inside: try reader.next(DERTag.sequence, "an attribute"))
      let kind = try attribute.next(DERTag.objectIdentifier, "an attribute's name").objectIdentifier()
      if kind == trustedKeyUsage { isTrusted = true }
      guard kind == friendlyName, name == nil else { continue }
      var values = try DERReader(inside: try attribute.next(DERTag.set, "an attribute's values"))
      guard let text = try values.nextIfPresent(DERTag.bmpString)?.bytes else { continue }
      let units = stride(from: 0, to: text.count - 1, by: 2).map { UInt16(text[$0]) << 8 | UInt16(text[$0 + 1]) }
      name = VisibleText.of(String(decoding: units, as: UTF16.self), limit: 256)
    }
    return (name, isTrusted)
  }
}
