import PKI
import Rotation

extension Probe {
  /// A real handshake.
  static let handshake = Probe { endpoint, address, timeLimit in
    do {
      return try ServedChain.look(
        at: address, port: endpoint.port, serverName: endpoint.expectedName(at: address),
        beginning: endpoint.transport.beginning, timeLimit: timeLimit)
    } catch let error as PKIError {
      throw ProbeProblem(error)
    }
  }

  /// A real handshake in which a client certificate is shown.
  static let realOffer: @Sendable (Endpoint, String, Identity, [Certificate], Duration) throws -> ClientOffer.Answer = {
    endpoint, address, identity, authorities, timeLimit in
    do {
      return try ClientOffer.make(
        identity, authorities: authorities, at: address, port: endpoint.port,
        serverName: endpoint.expectedName(at: address),
        beginning: endpoint.transport.beginning, timeLimit: timeLimit)
    } catch let error as PKIError {
      throw ProbeProblem(error)
    }
  }
}

extension ProbeProblem {
  fileprivate init(_ error: PKIError) {
    switch error.code {
    case "CONNECTION_REFUSED", "NAME_NOT_RESOLVED": self = .nobody(error.detail)
    case "CONNECTION_TIMED_OUT": self = error.isSilence ? .mute : .tooSlow
    case "NOT_TLS": self = .notTLS(error.sentence)
    case "TLS_NOT_OFFERED": self = .noTLSOffered(error.sentence)
    default: self = .broken(error.sentence)
    }
  }
}

extension Endpoint.Transport {
  fileprivate var beginning: ServedChain.Beginning {
    switch self {
    case .tls: .atOnce
    case .postgresql: .postgreSQL
    case .mariadb: .mariaDB
    case .smtp: .smtp
    case .imap: .imap
    case .ldap: .ldap
    }
  }
}
