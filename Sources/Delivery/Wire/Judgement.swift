import Foundation
import PKI
import Rotation

/// What an endpoint has to serve.
enum Expectation: Sendable {
  /// Exactly this certificate, under this root, for the endpoint's name.
  case exactly(Certificate, root: Certificate, previous: Fingerprint?)
  /// What it served before, whatever that was.
  case `as`(before: ServedCertificate)
}

/// Says what a look at an endpoint means.
struct Judgement: Sendable {
  private let endpoint: Endpoint
  private let component: Component

  init(_ endpoint: Endpoint, _ component: Component) {
    self.endpoint = endpoint
    self.component = component
  }

  /// Whatever certificate is served, as long as every address serves the same.
  func anything(_ sightings: [AddressSighting]) -> Result<[Certificate], DeliveryFailure> {
    let counted = counted(sightings)
    let verdicts = counted.map { sighting -> (address: String, failure: DeliveryFailure?) in
      switch sighting.result {
      case .failure(let problem): (sighting.address, failure(problem, at: sighting.address))
      case .success(let chain): (sighting.address, chain.isEmpty ? nothingServed : nil)
      }
    }
    if let failure = Self.together(verdicts, good: "A certificate is served at") { return .failure(failure) }
    let chains = counted.compactMap { sighting in (try? sighting.result.get()).map { (sighting.address, $0) } }
    guard let first = chains.first?.1 else { return .failure(nothingServed) }
    guard Set(chains.compactMap(\.1.first?.fingerprint)).count == 1 else { return .failure(differing(chains)) }
    return .success(first)
  }

  /// The certificate that every address serves as expected, or what those do that serve another.
  ///
  /// - Parameter verified: the chains that were found good at each address a moment ago, which are not verified again while
  ///   each byte is the same.
  func judge(
    _ sightings: [AddressSighting], _ expectation: Expectation, at moment: Date,
    _ verified: inout [String: [Certificate]]
  ) -> Result<Certificate, DeliveryFailure> {
    var result: Certificate?
    var verdicts: [(address: String, failure: DeliveryFailure?)] = []
    for sighting in counted(sightings) {
      switch sighting.result {
      case .failure(let problem): verdicts.append((sighting.address, failure(problem, at: sighting.address)))
      case .success(let chain):
        guard let leaf = chain.first else { return .failure(nothingServed) }
        result = leaf
        let isKnown = verified[sighting.address] == chain
        let failure = isKnown ? nil : judge(chain, leaf, expectation, at: moment, address: sighting.address)
        verified[sighting.address] = failure == nil ? chain : nil
        verdicts.append((sighting.address, failure))
      }
    }
    if let failure = Self.together(verdicts, good: "As expected is what is served at") { return .failure(failure) }
    return result.map { .success($0) } ?? .failure(nothingServed)
  }

  /// Without the addresses of a family in which nobody listens, where somebody does in the other: `localhost` stands for
  /// both families, and most servers listen in one. Addresses that were given by hand all count.
  private func counted(_ sightings: [AddressSighting]) -> [AddressSighting] {
    guard endpoint.addresses == nil else { return sightings }
    let answering = Set(sightings.filter { !$0.isSilent }.map(\.isIPv6))
    guard answering.count == 1 else { return sightings }
    return sightings.filter { answering.contains($0.isIPv6) }
  }

  /// At how many addresses it is told what is wrong.
  private static let told = 8

  /// One failure that says what is wrong at which address, and at which ones nothing is; nil when nothing is anywhere.
  private static func together(
    _ verdicts: [(address: String, failure: DeliveryFailure?)], good: String
  ) -> DeliveryFailure? {
    let failures = verdicts.compactMap(\.failure)
    guard let first = failures.first, verdicts.count > 1 else { return failures.first }
    var sentences = failures.prefix(told).map(\.failure.sentence)
    if failures.count > told { sentences.append("\(failures.count - told) more addresses fail.") }
    let fine = verdicts.filter { $0.failure == nil }.map(\.address)
    if !fine.isEmpty { sentences.append("\(good) \(fine.joined(separator: ", ")).") }
    return DeliveryFailure(
      code: first.code, sentence: sentences.joined(separator: " "), advice: first.failure.advice)
  }

  private func judge(
    _ chain: [Certificate], _ leaf: Certificate, _ expectation: Expectation, at moment: Date, address: String
  ) -> DeliveryFailure? {
    switch expectation {
    case .as(let before):
      return leaf.fingerprint.hex == before.fingerprint ? nil : notAsBefore(leaf, before, at: address)
    case .exactly(let expected, let root, let previous):
      guard leaf == expected else {
        return leaf.fingerprint == previous
          ? stillPrevious(leaf, at: address) : other(leaf, instead: expected, at: address)
      }
      do {
        let name = try AlternativeName(parsing: endpoint.expectedName(at: address))
        try Chain.verify(
          leaf: leaf, intermediates: Array(chain.dropFirst()), anchors: [root], at: moment, name: name, purpose: .server
        )
        return nil
      } catch {
        return notVerified(error, root: root, leaf: leaf, at: address)
      }
    }
  }
}

extension Judgement {
  /// `host:port`, with the address where the host is a name.
  private func place(_ address: String) -> String {
    if endpoint.host.isEmpty { return Endpoint(host: address, port: endpoint.port).address }
    return address == endpoint.host ? endpoint.address : "\(endpoint.address) (\(address))"
  }

  private var files: String { component.files.identityPaths.map(\.path).joined(separator: " and ") }

  var nothingServed: DeliveryFailure {
    DeliveryFailure(
      code: "NO_CERTIFICATE_SERVED", sentence: "\(endpoint.address) speaks TLS but shows no certificate.",
      advice: "Configure a certificate in “\(component.name)”, or correct the endpoint.")
  }

  func failure(_ problem: ProbeProblem, at address: String) -> DeliveryFailure {
    let place = place(address)
    switch problem {
    case .nobody(let reason):
      return DeliveryFailure(
        code: "NOTHING_ANSWERS", sentence: "Nothing answers at \(place): \(reason).",
        advice:
          "Check that “\(component.name)” runs and listens there, and read its log: it may have stopped because it "
          + "could not use its files. If it listens elsewhere, correct the endpoint.")
    case .tooSlow, .mute:
      return DeliveryFailure(
        code: "NO_ANSWER_IN_TIME", sentence: "\(place) did not complete a TLS handshake in time.",
        advice: "Check that “\(component.name)” is not overloaded or stopped, and that no firewall swallows the "
          + "connection. If it needs longer, raise the verification time limit.")
    case .notTLS(let reason):
      return DeliveryFailure(
        code: "NOT_TLS", sentence: "\(place) answers, but not with TLS: \(reason)",
        advice:
          "Check the port in the endpoint, that TLS is switched on in “\(component.name)”, and how TLS begins there "
          + "(now: \(endpoint.transport == .tls ? "at once" : "asked for as \(endpoint.transport.label) does it")).")
    case .noTLSOffered(let reason):
      return DeliveryFailure(
        code: "TLS_NOT_OFFERED", sentence: "\(place) answers without TLS: \(reason)",
        advice: "Switch TLS on in \(tlsSetting), and look into the log of “\(component.name)”: with files that it "
          + "cannot use it may go on without TLS.")
    case .broken(let reason):
      return DeliveryFailure(
        code: "HANDSHAKE_FAILED", sentence: "The TLS handshake with \(place) failed: \(reason)",
        advice: "Read the log of “\(component.name)” at this moment; often it could not load its files.")
    }
  }

  /// Where TLS is switched on.
  private var tlsSetting: String {
    switch endpoint.transport {
    case .postgresql: "postgresql.conf (ssl = on)"
    case .mariadb: "the server's section of MariaDB's configuration (ssl-cert and ssl-key)"
    case .smtp: "Postfix's main.cf (smtpd_tls_security_level = may), or in what the mail server has instead"
    case .imap: "Dovecot's configuration (ssl = yes), or in what the mail server has instead"
    case .ldap: "cn=config (olcTLSCertificateFile and its key)"
    case .tls: "its configuration"
    }
  }

  private func stillPrevious(_ leaf: Certificate, at address: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "STILL_PREVIOUS_CERTIFICATE",
      sentence: "\(place(address)) still serves the previous certificate, “\(leaf.subject)” (\(leaf.fingerprint)).",
      advice: "“\(component.name)” has not loaded its new files. Check that its activation really reloads certificates "
        + "(now: \(component.activation.sentence)), that its configuration names \(files), and what its log says.")
  }

  private func other(_ leaf: Certificate, instead expected: Certificate, at address: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "SERVES_OTHER_CERTIFICATE",
      sentence: "\(place(address)) serves another certificate: “\(leaf.subject)”, issued by “\(leaf.issuer)” "
        + "(\(leaf.fingerprint)), instead of “\(expected.subject)” (\(expected.fingerprint)).",
      advice: "Check that this endpoint belongs to “\(component.name)” and that its configuration names \(files).")
  }

  private func notAsBefore(_ leaf: Certificate, _ before: ServedCertificate, at address: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "NOT_AS_BEFORE",
      sentence: "\(place(address)) serves “\(leaf.subject)” (\(leaf.fingerprint)) and not what it served before the "
        + "update, “\(before.subject)” (\(Fingerprint(hex: before.fingerprint)?.description ?? before.fingerprint)).",
      advice:
        "The former files are back in place, but “\(component.name)” has not loaded them. Check that its activation "
        + "really reloads certificates (now: \(component.activation.sentence)), and what its log says.")
  }

  private func differing(_ chains: [(address: String, chain: [Certificate])]) -> DeliveryFailure {
    var order: [Certificate] = []
    for leaf in chains.compactMap(\.chain.first) where !order.contains(leaf) { order.append(leaf) }
    let parts = order.map { leaf in
      let addresses = chains.filter { $0.chain.first == leaf }.map(\.address).joined(separator: ", ")
      return "\(addresses) “\(leaf.subject)” (\(leaf.fingerprint))"
    }
    return DeliveryFailure(
      code: "ADDRESSES_DIFFER",
      sentence: "The addresses of \(endpoint.address) serve different certificates: \(parts.joined(separator: "; ")).",
      advice: "Give each of them an endpoint, or a component, of its own.")
  }

  private func notVerified(_ error: any Error, root: Certificate, leaf: Certificate, at address: String)
    -> DeliveryFailure
  {
    let place = place(address)
    let error = error as? PKIError ?? PKIError(code: "CHAIN_INVALID", sentence: "\(error)")
    switch error.code {
    case "CHAIN_UNKNOWN_ISSUER":
      return DeliveryFailure(
        code: "CHAIN_INCOMPLETE",
        sentence: "\(place) serves the right certificate, but what it sends with it does not lead to the root "
          + "“\(root.subject)”. \(error.sentence)",
        advice: "Check that “\(component.name)” sends the whole content of \(files), not only its first certificate.")
    case "CHAIN_NAME_MISMATCH":
      return DeliveryFailure(
        code: "WRONG_NAME",
        sentence:
          "\(place) serves the right certificate, but it is not for \(endpoint.expectedName(at: address)). It is for "
          + "\(leaf.subjectAlternativeNames.joined(separator: ", ")).",
        advice:
          "Add \(endpoint.expectedName(at: address)) to the names of “\(component.name)” and start a new update, or correct the "
          + "endpoint's server name.")
    default:
      return DeliveryFailure(
        code: error.code, sentence: "\(place) serves the right certificate, but it does not verify. \(error.sentence)",
        advice: "Correct what the sentence names, then retry.")
    }
  }
}
