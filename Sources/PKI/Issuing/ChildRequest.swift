import Foundation

/// What a child certificate is to say. Nothing of it is checked yet: see `CheckedRequest`.
public struct ChildRequest: Sendable {
  /// The names it is for; the first one also becomes the common name where it fits.
  public var names: [AlternativeName]
  /// What it may be used for.
  public var usage: CertificateUsage
  /// The component's key, or the request of a component that keeps its key. Only the public half is read.
  var publicKeyOf: any KeyHolder
  /// The kind of key that a signing request must hold; nil for a key that was made here.
  private(set) var requestedKey: KeyAlgorithm?
  /// The number under which its intent has been written down.
  public var serialNumber: SerialNumber
  /// The first second at which it is valid; fractions of a second are cut off.
  public var notBefore: Date
  /// The last second at which it is valid; fractions of a second are cut off.
  public var notAfter: Date

  /// A request, not yet checked.
  public init(
    names: [AlternativeName], usage: CertificateUsage, publicKeyOf: PrivateKey, serialNumber: SerialNumber,
    notBefore: Date, notAfter: Date
  ) {
    self.names = names
    self.usage = usage
    self.publicKeyOf = publicKeyOf
    self.serialNumber = serialNumber
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// A request for a component that keeps its key, not yet checked either.
  ///
  /// - Parameters:
  ///   - signing: what the component sent; its signature, key and names are checked before anything is signed.
  ///   - algorithm: the kind of key that the component is to have.
  public init(
    names: [AlternativeName], usage: CertificateUsage, signing: SigningRequest, algorithm: KeyAlgorithm,
    serialNumber: SerialNumber, notBefore: Date, notAfter: Date
  ) {
    self.names = names
    self.usage = usage
    publicKeyOf = signing
    requestedKey = algorithm
    self.serialNumber = serialNumber
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Throws a sentence about the first name that no certificate is signed for, or about what is wrong with all of them;
  /// the same check that signing begins with. Codes begin with `PROFILE_`.
  public static func checkNames(_ names: [AlternativeName]) throws { try ProfileCheck.checkNames(names) }
}
