import Foundation
import Testing

@testable import PKI

@Suite("Certificates that were read before") struct KnownCertificateTests {
  private func sample(_ name: String) throws -> Certificate {
    let root = try RootMaker.makeRoot(
      commonName: name, algorithm: .ecdsaP256, notBefore: testNow - day, notAfter: testNow + day)
    return try #require(root.leaf)
  }

  @Test("The same bytes are read once, from DER and from PEM, and again once many others were read")
  func bounded() throws {
    let der = try sample("First").der
    let first = try Certificate.of(der: der)
    #expect(try Certificate.of(der: der) === first)
    #expect(try Certificate.parse(pem: "before\n" + first.pem + first.pem).allSatisfy { $0 === first })
    for number in 0..<KnownCertificates.limit { _ = try Certificate.of(der: sample("Other \(number)").der) }
    let again = try Certificate.of(der: der)
    #expect(again !== first && again == first)
    #expect(try Certificate.of(der: der) === again)
  }

  @Test("A certificate of unusual length is read each time")
  func long() throws {
    let root = try RootMaker.makeRoot(
      commonName: "Long", algorithm: .ecdsaP256, notBefore: testNow - day, notAfter: testNow + day)
    let key = try PrivateKey.generate(.ecdsaP256)
    let request = ChildRequest(
      names: (0..<100).map { .dns("\(100 + $0)." + String(repeating: "long-label.", count: 9) + "org") }, usage: .both,
      publicKeyOf: key, serialNumber: .random(),
      notBefore: testNow, notAfter: testNow + day)
    let leaf = try #require(root.leaf)
    let long = try Issuer(root: leaf, key: root.key).sign(try CheckedRequest(request, root: leaf, now: testNow))
    #expect(long.der.count > KnownCertificates.longest)
    let read = try Certificate.of(der: long.der)
    #expect(read == long && read !== long)
  }

  @Test("Bytes that differ in one bit are another certificate, and damaged ones are refused as often as they come")
  func exact() throws {
    let certificate = try Certificate.of(der: sample("Exact").der)
    var other = certificate.der
    other[other.count - 1] ^= 1
    #expect(try Certificate.of(der: other) != certificate)
    for damaged in [Array(certificate.der.dropLast()), certificate.der + [0], []] {
      for _ in 0..<2 {
        #expect(throws: PKIError.self) { try Certificate.of(der: damaged) }
      }
    }
  }

  @Test("A block of the former name, and one in which something follows the certificate, are read each time")
  func blocks() throws {
    let certificate = try sample("Block")
    let former = certificate.pem.replacing("CERTIFICATE", with: "X509 CERTIFICATE")
    let options: Data.Base64EncodingOptions = [.lineLength64Characters, .endLineWithLineFeed]
    let text = Data(certificate.der + [5, 0]).base64EncodedString(options: options)
    let longer = "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n"
    for _ in 0..<2 {
      #expect(try Certificate.parse(pem: former + longer) == [certificate, certificate])
      #expect(throws: PKIError.self) { try Certificate.of(der: certificate.der + [5, 0]) }
    }
  }
}
