import Foundation
import PKI
import Rotation

/// What a sample component has read from its files, ready for connections in both directions.
struct SampleIdentity: Sendable {
  let leaf: Certificate
  let server: TLSContext
  let client: TLSContext

  /// Reads the files of a layout. Throws a ``SampleFailure`` or a `PKIError`, and then nothing is to be changed.
  init(files: FileLayout) throws {
    let chainFile = try Self.required(files.combined ?? files.certificateChain, "certificate chain")
    let keyFile = try Self.required(files.combined ?? files.key, "key")
    let bundleFile = try Self.required(files.trustBundle, "trust bundle")
    let chain = try Certificate.parse(pemOrDER: try Self.read(chainFile))
    let key = try PrivateKey(pem: SecretBytes(try Self.read(keyFile)))
    let trusted = try Certificate.parse(pemOrDER: try Self.read(bundleFile))
    guard let leaf = chain.first else { throw SampleFailure("There is no certificate in \(chainFile).") }
    guard key.matches(leaf) else { throw SampleFailure("The key in \(keyFile) does not belong to the certificate.") }
    let identity = Identity(chain: chain, key: key)
    self.leaf = leaf
    server = try TLSContext(identity: identity, trusted: trusted, requireClientCertificate: true)
    client = try TLSContext(identity: identity, trusted: trusted, requireClientCertificate: false)
  }

  private static func required(_ path: String?, _ what: String) throws -> String {
    guard let path else { throw SampleFailure("No file is configured for the \(what).") }
    return path
  }

  private static func read(_ path: String) throws -> [UInt8] {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw SampleFailure("\(path) cannot be read.")
    }
    return Array(content)
  }
}

/// Why a sample component, or the demo around it, cannot do something, in a sentence for a person.
public struct SampleFailure: Error, Sendable, Hashable, CustomStringConvertible {
  /// What happened, to what, and what to do next.
  public let sentence: String

  /// Wraps a sentence.
  public init(_ sentence: String) {
    self.sentence = sentence
  }

  /// The sentence.
  public var description: String { sentence }

  /// The sentence of any error that this project throws, and otherwise what the system calls it.
  static func sentence(of error: any Error) -> String {
    switch error {
    case let failure as SampleFailure: failure.sentence
    case let failure as PKIError: failure.sentence
    default: (error as NSError).localizedDescription
    }
  }
}
