import Rotation

/// A host and a port at which somebody is to be looked for.
public struct Place: Sendable, Hashable {
  /// A host name or address.
  public var host: String
  /// A TCP port.
  public var port: UInt16
  /// The program that listens there, where it is known.
  public var process: String?
  /// The address that is looked at instead where nobody answers at the host.
  public var otherHost: String?

  /// Names a place.
  public init(host: String, port: UInt16, process: String? = nil, otherHost: String? = nil) {
    self.host = host
    self.port = port
    self.process = process
    self.otherHost = otherHost
  }

  /// `host:port`, an IPv6 address in brackets.
  public var address: String { Endpoint(host: host, port: port).address }
}

/// Why a list of places cannot be used.
public struct PlaceProblem: Error, Sendable, Hashable {
  /// What is wrong in which line, and what is possible, for a person.
  public var sentence: String

  /// Describes what is wrong.
  public init(sentence: String) {
    self.sentence = sentence
  }
}

/// Reads the places that an administrator asks for.
public enum PlaceList {
  /// How many places one search may have.
  public static let limit = 1_024

  /// The places of a text, in its order, each once.
  ///
  /// A line holds a host name, an address, an IPv4 block (`192.0.2.0/28`) or a range (`192.0.2.1-20`); behind a colon,
  /// ports: `443`, `8443-8450`, several with commas. Without ports the usual ones are meant. Lines that begin with `#`
  /// are passed over.
  ///
  /// - Throws: ``PlaceProblem`` for the first line that cannot be used, or when there are more places than ``limit``.
  public static func places(in text: String, usualPorts: [UInt16]) throws -> [Place] {
    var found: [Place] = []
    var seen: Set<Place> = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      // Spaces stand beside commas only.
      guard zip(words, words.dropFirst()).allSatisfy({ $0.hasSuffix(",") || $1.hasPrefix(",") }) else {
        throw PlaceProblem(sentence: "Line \(index + 1): give one host to a line, and its ports behind a colon.")
      }
      let entry = words.joined()
      let (hosts, ports) = try PlaceLine(entry, number: index + 1).expanded(usualPorts, room: limit)
      guard hosts.count * ports.count <= limit else { throw tooMany(index + 1) }
      for host in hosts {
        for port in ports where seen.insert(Place(host: host, port: port)).inserted {
          found.append(Place(host: host, port: port))
        }
      }
      guard found.count <= limit else { throw tooMany(index + 1) }
    }
    guard !found.isEmpty else {
      throw PlaceProblem(sentence: "Give at least one host, such as web.example.net or 192.0.2.0/28:443.")
    }
    return found
  }

  private static func tooMany(_ line: Int) -> PlaceProblem {
    PlaceProblem(
      sentence: "Line \(line): this would be more than \(limit) addresses and ports; ask for fewer at a time.")
  }
}
