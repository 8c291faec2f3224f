import ArgumentParser
import Console
import Foundation
import PKI
import Yams

/// Where the console is, how it is known, and the token: from options, then variables, then the file of settings.
struct ClientSettings: Sendable, Hashable {
  /// What one of the three places gives.
  struct Given: Sendable, Hashable {
    var server: String?
    var tokenFile: String?
    var caFile: String?
    var fingerprint: String?
  }

  /// How the console's certificate is known.
  enum Trust: Sendable, Hashable {
    case system
    case file(String)
    case fingerprint(Fingerprint)
  }

  let address: ServerAddress
  let tokenFile: String
  let known: Trust

  /// Takes each setting from the first place that has it. How the console is known is one setting: a fingerprint among the
  /// options stands in the place of a file among the variables.
  ///
  /// - Throws: `ValidationError`.
  init(options: Given, environment: [String: String], file: Given, fileName: String) throws {
    let variables = Self.given(in: environment)
    let places = [options, variables, file]
    guard let server = places.lazy.compactMap(\.server).first else {
      throw ValidationError(
        "Give the address of the console with --server, REROOT_SERVER or as “server” in \(fileName); or a data folder with "
          + "--data, where the command takes one.")
    }
    guard let tokenFile = places.lazy.compactMap(\.tokenFile).first else {
      throw ValidationError(
        "Give the file of a token with --token-file, REROOT_TOKEN_FILE or as “token_file” in \(fileName). Tokens are made "
          + "on the page “Tokens”, or by `reroot tokens make`.")
    }
    address = try ServerAddress(server)
    self.tokenFile = tokenFile
    let trusts = places.first { $0.caFile != nil || $0.fingerprint != nil }
    switch (trusts?.caFile, trusts?.fingerprint) {
    case (nil, nil): known = .system
    case (let file?, nil): known = .file(file)
    case (nil, let text?):
      guard let fingerprint = Fingerprint(hex: text) else {
        throw ValidationError(
          "A fingerprint is a SHA-256, 64 hexadecimal digits with or without colons; “\(text)” is none.")
      }
      known = .fingerprint(fingerprint)
    default:
      throw ValidationError("Give --ca-file or --fingerprint, not both: one of them says how the console is known.")
    }
  }

  /// An empty variable is none.
  private static func given(in environment: [String: String]) -> Given {
    func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    return Given(
      server: value("REROOT_SERVER"), tokenFile: value("REROOT_TOKEN_FILE"), caFile: value("REROOT_CA_FILE"),
      fingerprint: value("REROOT_FINGERPRINT"))
  }

  // MARK: The file

  /// Where the file of settings is (XDG Base Directory Specification: a relative path in the variable is ignored).
  static func file(in environment: [String: String]) -> String {
    let named = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    return (named ?? (environment["HOME"] ?? "") + "/.config") + "/reroot/config.yaml"
  }

  /// Reads the file; nothing where there is none.
  static func given(inFile path: String, home: String) throws -> Given {
    guard FileManager.default.fileExists(atPath: path) else { return Given() }
    let bytes = try InputFile.read(path, limit: 1 << 16)
    return try given(inYAML: String(decoding: bytes, as: UTF8.self), of: path, home: home)
  }

  /// Paths in the file begin at its folder; `~/` is the home.
  static func given(inYAML text: String, of path: String, home: String) throws -> Given {
    let loaded: Any?
    do {
      loaded = try Yams.load(yaml: text)
    } catch {
      throw ValidationError("\(path) is no YAML: \(error)")
    }
    guard let loaded else { return Given() }
    guard let values = loaded as? [String: Any] else {
      throw ValidationError("\(path) has to hold keys and values, such as “server: https://console.example.net:8443”.")
    }
    let known = ["server", "token_file", "ca_file", "fingerprint"]
    var texts: [String: String] = [:]
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      guard known.contains(key) else {
        throw ValidationError("\(path): there is no setting “\(key)”. There are \(known.joined(separator: ", ")).")
      }
      guard let text = value as? String, !text.isEmpty else {
        throw ValidationError("\(path): “\(key)” has to be a text; put it into quotation marks.")
      }
      texts[key] = text
    }
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    func place(_ text: String) -> String {
      if text.hasPrefix("~/") { return home + text.dropFirst() }
      return text.hasPrefix("/") ? text : folder + "/" + text
    }
    return Given(
      server: texts["server"], tokenFile: texts["token_file"].map(place), caFile: texts["ca_file"].map(place),
      fingerprint: texts["fingerprint"])
  }

  // MARK: What they name

  /// The token in the file, which nobody else may read.
  func token() throws -> SecretBytes {
    let token = PasswordInput.withoutLineEnd(try InputFile.readSecret(tokenFile, limit: 1 << 12, what: "a token"))
    // What could end the line of a header would be no token, but another header.
    let isToken = token.withBytes { $0.count > 0 && $0.allSatisfy { (0x21...0x7E).contains($0) } }
    guard isToken else {
      throw ValidationError("\(tokenFile) holds no token: one line, as it was shown when it was made.")
    }
    return token
  }

  /// The certificates, or the fingerprint.
  func trust() throws -> ServerTrust {
    switch known {
    case .system: return .system
    case .fingerprint(let fingerprint): return .fingerprint(fingerprint)
    case .file(let path):
      let bytes = try InputFile.read(path, limit: 1 << 20)
      do {
        return .certificates(try Certificate.parse(pemOrDER: bytes))
      } catch let error as PKIError {
        throw ValidationError("\(path): \(error.sentence)")
      }
    }
  }
}

/// The parts of `https://HOST[:PORT]`.
struct ServerAddress: Sendable, Hashable {
  /// A name or an address, an IPv6 address without its brackets.
  let host: String
  let port: UInt16
  /// As in the field `Host`.
  let authority: String

  init(_ given: String) throws {
    let text: String
    do {
      text = try ConsoleAddress(given).text
    } catch let error as ConsoleError {
      throw ValidationError(error.sentence)
    }
    authority = String(text.dropFirst("https://".count))
    let colon = authority.lastIndex(of: ":")
    if let colon, let port = UInt16(authority[authority.index(after: colon)...]), authority[..<colon].last != ":",
      !authority.hasSuffix("]")
    {
      self.port = port
      host = Self.bare(authority[..<colon])
    } else {
      port = 443
      host = Self.bare(authority[...])
    }
  }

  private static func bare(_ host: Substring) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : String(host)
  }
}
