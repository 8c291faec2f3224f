import Foundation
import Testing

@testable import PKI

@Suite("A child certificate")
struct IssuingTests {
  @Test("says what was asked for, whatever the root's key and its own", arguments: RootKind.allCases)
  func saysWhatWasAsked(kind: RootKind) throws {
    let root = try kind.identity
    let rootCertificate = try #require(root.leaf)
    for algorithm in KeyAlgorithm.allCases {
      for usage in CertificateUsage.allCases {
        let asked = try request(usage: usage, key: algorithm)
        let child = try issue(asked, under: root)
        #expect(child.commonName == "gateway.plant.example")
        #expect(child.subjectAlternativeNames == ["DNS:gateway.plant.example", "IP:192.0.2.7", "IP:2001:db8::7"])
        #expect(child.issuer == rootCertificate.subject)
        #expect(child.serialNumber == asked.serialNumber.hex)
        #expect(child.notBefore == asked.notBefore && child.notAfter == asked.notAfter)
        #expect(child.keyDescription == algorithm.label)
        #expect(child.signatureAlgorithm == kind.signatureAlgorithm)
        #expect(!child.isAuthority && child.isSigned(by: rootCertificate))
      }
    }
  }

  @Test("stands up to OpenSSL's command line, strictly, for each of its purposes", arguments: RootKind.allCases)
  func opensslVerify(kind: RootKind) throws {
    let folder = try ScratchFolder()
    let root = try kind.identity
    let anchor = try folder.write(root.chainPEM, to: "root.pem")
    for usage in CertificateUsage.allCases {
      let files = try KeyAlgorithm.allCases.map { algorithm in
        try folder.write(
          issue(request(usage: usage, key: algorithm), under: root).pem, to: "\(usage)-\(algorithm.rawValue).pem")
      }
      for purpose in usage.purposes {
        let result = try CommandResult.of(
          [
            "openssl", "verify", "-x509_strict", "-check_ss_sig", "-purpose",
            purpose == .server ? "sslserver" : "sslclient",
            "-attime", "\(Int(testNow.timeIntervalSince1970))", "-verify_hostname", "gateway.plant.example",
            "-CAfile", anchor,
          ] + files)
        #expect(result.status == 0, "\(result.output)")
        #expect(result.output.split(separator: "\n").filter { $0.hasSuffix(": OK") }.count == files.count)
      }
      guard usage != .both else { continue }
      let other = usage == .server ? "sslclient" : "sslserver"
      let refused = try CommandResult.of(
        ["openssl", "verify", "-purpose", other, "-no_check_time", "-CAfile", anchor] + files)
      #expect(refused.status != 0 && refused.output.contains("unsuitable certificate purpose"))
    }
  }

  @Test("has no finding in pkilint, for every key, root and usage")
  func pkilint() throws {
    let folder = try ScratchFolder()
    var count = 0
    for kind in RootKind.allCases {
      for algorithm in KeyAlgorithm.allCases {
        for usage in CertificateUsage.allCases {
          let child = try issue(request(usage: usage, key: algorithm), under: kind.identity)
          _ = try folder.write(child.pem, to: "\(kind)-\(algorithm.rawValue)-\(usage).pem")
          count += 1
        }
      }
      _ = try folder.write(kind.identity.chainPEM, to: "\(kind)-root.pem")
      count += 1
    }
    // Without a wildcard name: RFC 5280 itself, to which the linter keeps, knows none (RFC 6125 6.4.3 does).
    let long = try request(names: [.dns(String(repeating: "a", count: 60) + ".example")])
    _ = try folder.write(issue(long, under: RootKind.p256.identity).pem, to: "empty-subject.pem")
    let late = try request(notAfter: testNow + 3650 * day)
    _ = try folder.write(issue(late, under: RootKind.p256.identity).pem, to: "to-the-end.pem")
    let own = try SelfSigned.consoleIdentity(names: [.dns("localhost")], notBefore: testNow, notAfter: testNow + day)
    _ = try folder.write(own.chainPEM, to: "self-signed.pem")
    try Linter.expectNoFindings(in: folder, count: count + 3)
  }

  @Test("has a serial number of 16 positive bytes that is never the same")
  func serialNumbers() throws {
    let numbers = (0..<2_000).map { _ in SerialNumber.random() }
    #expect(Set(numbers).count == numbers.count)
    #expect(numbers.allSatisfy { $0.bytes.count == 16 && (0x40...0x7F).contains($0.bytes[0]) })
    let number = numbers[0]
    #expect(SerialNumber(hex: number.hex) == number)
    #expect(try JSONDecoder().decode([SerialNumber].self, from: JSONEncoder().encode([number])) == [number])
    let wrong = [
      "", "00", "8000000000000000", "0011223344556677", String(repeating: "11", count: 21), "zz22334455667788",
    ]
    for text in wrong { #expect(SerialNumber(hex: text) == nil, "\(text)") }
  }

  @Test("has an empty subject and critical names where the first name is longer than 64 characters")
  func longFirstName() throws {
    let fits = String(repeating: "a", count: 56) + ".example"
    let beyond = String(repeating: "a", count: 57) + ".example"
    let short = try issue(request(names: [.dns(fits)]), under: RootKind.p256.identity)
    #expect(short.commonName == fits && fits.count == 64)
    let long = try issue(request(names: [.dns(beyond)]), under: RootKind.p256.identity)
    #expect(long.subject.isEmpty && long.commonName == nil)
    let folder = try ScratchFolder()
    let text = try CommandResult.of([
      "openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", folder.write(long.pem, to: "c.pem"),
    ])
    #expect(text.output.contains("Subject Alternative Name: critical"))
  }

  @Test("writes dates as UTCTime up to 2049 and as GeneralizedTime from 2050 on")
  func dateForms() throws {
    let root = try RootMaker.makeRoot(
      commonName: "Long", algorithm: .ecdsaP256, notBefore: testNow - day,
      notAfter: Date(timeIntervalSince1970: 253_402_300_799))
    // 31 December 2049, 23:59:59 UTC, and the second after it.
    for (seconds, form) in [(2_524_607_999.0, "UTCTIME"), (2_524_608_000, "GENERALIZEDTIME")] {
      let folder = try ScratchFolder()
      let child = try issue(request(notAfter: Date(timeIntervalSince1970: seconds)), under: root)
      let parsed = try CommandResult.of(["openssl", "asn1parse", "-in", folder.write(child.pem, to: "c.pem")])
      let times = parsed.output.split(separator: "\n").filter { $0.contains("TIME") }
      #expect(times.count == 2)
      #expect(times.last.map { $0.contains(form) } == true, "\(times)")
    }
    let last = try issue(request(notAfter: try #require(root.leaf).notAfter), under: root)
    #expect(last.notAfter == Date(timeIntervalSince1970: 253_402_300_799))
  }

  @Test("cannot be signed by an issuer whose key is another one")
  func issuerMismatch() throws {
    let root = try #require(RootKind.p256.identity.leaf)
    let other = try RootKind.p384.identity
    #expect(code { _ = try Issuer(root: root, key: other.key) } == "ISSUER_KEY_MISMATCH")
    let issuer = try Issuer(root: #require(other.leaf), key: other.key)
    #expect(
      code { _ = try issuer.sign(CheckedRequest(request(), root: root, now: testNow)) } == "ISSUE_OTHER_ROOT")
  }
}

/// pkilint's linter for RFC 5280, run once over a folder: starting Python for each certificate would take a minute.
private enum Linter {
  static func expectNoFindings(in folder: ScratchFolder, count: Int) throws {
    let program = try #require(
      find(), "pkilint is missing: set REROOT_PKILINT to lint_pkix_cert, or put it on PATH (pip install pkilint).")
    let script = try String(contentsOfFile: program, encoding: .utf8)
    let first = script.split(separator: "\n").first.map(String.init) ?? ""
    try #require(first.hasPrefix("#!"), "\(program) is not the script that pip installs.")
    let code = """
      import sys, glob
      from pkilint.bin.lint_pkix_cert import main
      files = sorted(glob.glob(sys.argv[1] + '/*.pem'))
      # RSA-PSS keys bring a notice that the linter does not know them; the console's own certificate is for localhost,
      # which the linter takes for no domain name.
      bad = [f for f in files if not f.endswith('self-signed.pem') and main(['lint', '-s', 'WARNING', f]) != 0]
      print('LINTED', len(files), 'BAD', len(bad), *bad)
      """
    let result = try CommandResult.of([String(first.dropFirst(2)), "-c", code, folder.path])
    #expect(result.output.contains("LINTED \(count) BAD 0"), "\(result.output.suffix(4_000))")
  }

  private static func find() -> String? {
    let environment = ProcessInfo.processInfo.environment
    if let given = environment["REROOT_PKILINT"], !given.isEmpty { return given }
    let folders = (environment["PATH"] ?? "").split(separator: ":")
    return folders.map { $0 + "/lint_pkix_cert" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }
}
