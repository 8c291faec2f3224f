import Foundation
import Testing

@testable import PKI

@Suite("The profile")
struct IssuingProfileTests {
  private static let rootEnd = testNow + 3650 * day
  private static let rootStart = testNow - 30 * day

  @Test(
    "keeps a child inside its root's time, to the second",
    arguments: [
      ("to the root's last second", -300.0, 3650 * day, nil as String?),
      ("half a second more, which is cut off", -300, 3650 * day + 0.5, nil),
      ("one second past the root's end", -300, 3650 * day + 1, "PROFILE_OUTLIVES_ROOT"),
      ("from the root's first second", -30 * day, day, nil),
      ("one second before the root's start", -30 * day - 1, day, "PROFILE_BEFORE_ROOT"),
      ("a single second", 0, 1, nil),
      ("no time at all", 60, 60, "PROFILE_DATES"),
      ("backwards", 60, 59, "PROFILE_DATES"),
      ("over at this very second", -60, 0, "PROFILE_ALREADY_OVER"),
      ("beyond all dates", -300, 1e30, "PROFILE_OUTLIVES_ROOT"),
      ("before all dates", -1e30, day, "PROFILE_BEFORE_ROOT"),
    ])
  func dates(name: String, start: TimeInterval, end: TimeInterval, expected: String?) throws {
    let root = try RootKind.p256.identity
    let asked = try request(notBefore: testNow + start, notAfter: testNow + end)
    #expect(code { _ = try issue(asked, under: root) } == expected, "\(name)")
  }

  @Test(
    "looks at the root's own time",
    arguments: [
      ("its first second", -30 * day, nil as String?), ("the second before", -30 * day - 1, "ROOT_NOT_YET_VALID"),
      ("its last second but one", 3650 * day - 1, nil), ("the second after its last", 3650 * day + 1, "ROOT_EXPIRED"),
    ])
  func rootDates(name: String, offset: TimeInterval, expected: String?) throws {
    let root = try RootKind.p256.identity
    let asked = try request(notBefore: Self.rootStart, notAfter: Self.rootEnd)
    #expect(code { _ = try issue(asked, under: root, now: testNow + offset) } == expected, "\(name)")
  }

  @Test(
    "takes the names that clients can match",
    arguments: [
      "localhost", "a.example", "*.plant.example", "xn--bcher-kva.example", "7.example", "a-b.example", "127.0.0.1",
      "255.255.255.255", "::1", "fe80::1", String(repeating: "a", count: 63) + ".example",
    ])
  func goodNames(text: String) throws {
    let name = try AlternativeName(parsing: text)
    let child = try issue(request(names: [name]), under: RootKind.p256.identity)
    #expect(child.subjectAlternativeNames == [name.description])
  }

  @Test(
    "takes no other names",
    arguments: [
      AlternativeName.dns(""), .dns("."), .dns("a..b"), .dns("a.example."), .dns("-a.example"), .dns("a-.example"),
      .dns("a b"), .dns("bücher.example"), .dns("a_b.example"), .dns("*"), .dns("*.example"), .dns("a.*.example"),
      .dns("w*.plant.example"), .dns("A.example"), .dns("192.0.2.1"), .dns("1.2.3.256"), .dns("a.example\0.b.example"),
      .dns("a.example,DNS:b.example"), .dns(String(repeating: "a", count: 64) + ".example"),
      .dns(Array(repeating: "abcdefg", count: 32).joined(separator: ".")), .ip(""), .ip("1.2.3"), .ip("0.0.0.0"),
      .ip("::"), .ip("a.example"), .ip("fe80::1%eth0"), .ip("192.0.2.1/24"), .ip("2001:DB8::1"), .ip("127.0.0.1\0"),
    ])
  func badNames(name: AlternativeName) throws {
    #expect(code { try ProfileCheck.checkNames([.dns("a.example"), name]) } == "PROFILE_BAD_NAME")
  }

  @Test("wants at least one name, at most 100, and none of them twice")
  func nameCounts() throws {
    let root = try RootKind.p256.identity
    let many = (1...100).map { AlternativeName.dns("host\($0).plant.example") }
    #expect(code { _ = try issue(request(names: []), under: root) } == "PROFILE_NO_NAMES")
    #expect(try issue(request(names: many), under: root).subjectAlternativeNames.count == 100)
    #expect(
      code { _ = try issue(request(names: many + [.dns("one.more.example")]), under: root) } == "PROFILE_TOO_MANY_NAMES"
    )
    #expect(
      code { _ = try issue(request(names: [many[0], many[1], many[0]]), under: root) } == "PROFILE_DUPLICATE_NAME")
    #expect(code { _ = try issue(request(names: [.ip("127.0.0.1"), .dns("localhost")]), under: root) } == nil)
  }

  @Test(
    "refuses weak keys and keys that TLS does not use",
    arguments: [
      (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "PROFILE_WEAK_KEY" as String?),
      (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2040"], "PROFILE_WEAK_KEY"),
      (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3"], "PROFILE_WEAK_KEY"),
      (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"], "PROFILE_KEY_TYPE"),
      (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "PROFILE_KEY_TYPE"),
      (["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "PROFILE_KEY_TYPE"),
      (["-algorithm", "X25519"], "PROFILE_KEY_TYPE"),
      (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], nil),
      (["-algorithm", "ED448"], nil),
    ])
  func keys(arguments: [String], expected: String?) throws {
    var asked = try request()
    asked.publicKeyOf = try exoticKey(arguments)
    let checked = asked
    #expect(code { _ = try issue(checked, under: RootKind.p256.identity) } == expected, "\(arguments)")
  }

  @Test("refuses the root's own key")
  func rootKey() throws {
    var asked = try request()
    asked.publicKeyOf = try RootKind.p256.identity.key
    let checked = asked
    #expect(code { _ = try issue(checked, under: RootKind.p256.identity) } == "PROFILE_ROOT_KEY")
  }

  @Test(
    "refuses a root that must not sign this",
    arguments: [
      ("no authority", "basicConstraints=critical,CA:FALSE\n", "ROOT_NOT_AUTHORITY" as String?),
      ("no basic constraints", "subjectKeyIdentifier=hash\n", "ROOT_NOT_AUTHORITY"),
      ("no keyCertSign", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n", "ROOT_MAY_NOT_SIGN"),
      ("path length 0", "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n", nil),
      ("no key usage", "basicConstraints=critical,CA:TRUE\n", nil),
      ("not critical", "basicConstraints=CA:TRUE\nkeyUsage=keyCertSign\n", nil),
      ("no identifier", "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=none\n", nil),
      ("for mail only", "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=emailProtection\n", "ROOT_PURPOSE"),
      ("for servers only", "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth\n", "ROOT_PURPOSE"),
      ("for both", "basicConstraints=critical,CA:TRUE\nextendedKeyUsage=serverAuth,clientAuth\n", nil),
      (
        "limited to other names",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:other.example\n",
        "CHAIN_NAME_NOT_PERMITTED"
      ),
      (
        "limited to these names",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,permitted;DNS:plant.example,permitted;"
          + "IP:192.0.2.0/255.255.255.0,permitted;IP:2001:db8::/ffff:ffff::\n", nil
      ),
      (
        "with these addresses excluded",
        "basicConstraints=critical,CA:TRUE\nnameConstraints=critical,excluded;IP:192.0.2.0/255.255.255.0\n",
        "CHAIN_NAME_NOT_PERMITTED"
      ),
    ])
  func roots(name: String, extensions: String, expected: String?) throws {
    let root = try commandLineRoot(extensions: extensions)
    let asked = try request(notBefore: Date(), notAfter: Date() + day)
    #expect(code { _ = try issue(asked, under: root, now: Date()) } == expected, "\(name)")
  }

  @Test("refuses a root whose key is bound to SHA-1")
  func boundToSHA1() throws {
    let key = try exoticKey([
      "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_pss_keygen_md:sha1",
      "-pkeyopt", "rsa_pss_keygen_mgf1_md:sha1", "-pkeyopt", "rsa_pss_keygen_saltlen:20",
    ])
    let made = code {
      _ = try RootMaker.makeRoot(commonName: "Old", key: key, notBefore: testNow, notAfter: testNow + day)
    }
    #expect(made == "ROOT_KEY_UNSUITED")
  }

  @Test("takes a root that is itself signed with SHA-1")
  func sha1Root() throws {
    let root = try commandLineRoot(
      extensions: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n", arguments: ["-sha1"])
    #expect(try #require(root.leaf).signatureAlgorithm == "ecdsa-with-SHA1")
    let child = try issue(request(notBefore: Date(), notAfter: Date() + day), under: root, now: Date())
    #expect(child.signatureAlgorithm == "ecdsa-with-SHA256")
  }

  @Test("says what is wrong in a sentence with the dates in it")
  func sentence() throws {
    let root = try RootKind.p256.identity
    do {
      _ = try issue(request(notAfter: Self.rootEnd + 1), under: root)
      Issue.record("it was issued")
    } catch let error as PKIError {
      #expect(
        error.sentence
          == "The certificate would be valid until 2039-12-30 00:00:01 UTC, longer than its root, which ends at "
          + "2039-12-30 00:00:00 UTC. Choose fewer months.")
    }
  }

  /// A root whose extensions are written by OpenSSL's command line, valid from now for ten days.
  private func commandLineRoot(extensions: String, arguments: [String] = []) throws -> Identity {
    let folder = try ScratchFolder()
    let configuration = try folder.write(
      "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=Made elsewhere\n[ext]\n" + extensions,
      to: "req.cnf")
    let key = try PrivateKey.generate(.ecdsaP256)
    let keyFile = try key.pkcs8PEM().withBytes { try folder.write(String(decoding: $0, as: UTF8.self), to: "key.pem") }
    let result = try CommandResult.of(
      ["openssl", "req", "-x509", "-new", "-key", keyFile, "-days", "10", "-config", configuration] + arguments)
    let start = try #require(result.output.range(of: "-----BEGIN"), "\(result.output)")
    return Identity(chain: try Certificate.parse(pem: String(result.output[start.lowerBound...])), key: key)
  }
}

@Suite("Certificates that sign themselves")
struct IssuingSelfSignedTests {
  @Test("The console's first certificate serves its names and is nobody's authority")
  func console() throws {
    let identity = try SelfSigned.consoleIdentity(
      names: [.dns("localhost"), .ip("127.0.0.1")], notBefore: testNow, notAfter: testNow + 365 * day)
    let leaf = try #require(identity.leaf)
    #expect(identity.key.matches(leaf) && leaf.isSigned(by: leaf) && !leaf.isAuthority)
    #expect(leaf.subjectAlternativeNames == ["DNS:localhost", "IP:127.0.0.1"])
    for name in [AlternativeName.dns("localhost"), .ip("127.0.0.1")] {
      try Chain.verify(leaf: leaf, intermediates: [], anchors: [leaf], at: testNow, name: name, purpose: .server)
    }
    let none = code { _ = try SelfSigned.consoleIdentity(names: [], notBefore: testNow, notAfter: testNow + 1) }
    let backwards = code {
      _ = try SelfSigned.consoleIdentity(names: [.dns("localhost")], notBefore: testNow, notAfter: testNow)
    }
    #expect(none == "PROFILE_NO_NAMES")
    #expect(backwards == "ISSUE_FAILED")
  }

  @Test("A root's name has 1 to 64 characters, in any script", arguments: [("", false), ("Wurzel Ä 根", true)])
  func rootNames(name: String, accepted: Bool) throws {
    let result = code {
      let root = try RootMaker.makeRoot(
        commonName: name, algorithm: .ecdsaP256, notBefore: testNow, notAfter: testNow + day)
      #expect(root.leaf?.commonName == name)
    }
    #expect(result == (accepted ? nil : "ROOT_NAME_INVALID"))
    let long = code {
      _ = try RootMaker.makeRoot(
        commonName: String(repeating: "a", count: 65), algorithm: .ecdsaP256, notBefore: testNow, notAfter: testNow + 1)
    }
    #expect(long == "ROOT_NAME_INVALID")
  }
}
