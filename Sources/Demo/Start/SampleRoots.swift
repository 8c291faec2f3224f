import Foundation
import PKI

/// The two root certificates of the demo: one in force, and one to go to.
enum SampleRoots {
  static let firstName = "Sample System Root 2024"

  /// The root that the sample system is under from the beginning. Blocking.
  static func makeFirst() throws -> Identity {
    try make(firstName, from: day(2024), to: day(2034))
  }

  /// The name of the second root: of the present year, and never the first one's.
  static func secondName(now: Date) -> String {
    "Sample System Root \(max(2025, Calendar(identifier: .gregorian).component(.year, from: now)))"
  }

  /// The second root, valid for ten years. Blocking.
  static func makeSecond(now: Date) throws -> Identity {
    try make(secondName(now: now), from: now.addingTimeInterval(-86_400), to: now.addingTimeInterval(3_652 * 86_400))
  }

  private static func make(_ name: String, from notBefore: Date, to notAfter: Date) throws -> Identity {
    try RootMaker.makeRoot(
      commonName: name, organization: "Sample System", algorithm: .ecdsaP256, notBefore: notBefore, notAfter: notAfter)
  }

  /// The first moment of a year, UTC.
  private static func day(_ year: Int) -> Date {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
    return calendar.date(from: DateComponents(year: year, month: 1, day: 1)) ?? Date(timeIntervalSince1970: 0)
  }
}

/// The second root as a file, ready to be imported.
public struct SecondRoot: Sendable, Hashable {
  /// The name of the certificate in it.
  public let name: String
  /// The absolute path of the PFX file.
  public let path: String
  /// Its password. It is the same everywhere: the file is there to be played with and protects nothing, and so its
  /// password need not be kept anywhere.
  public let password = "sample-system"

  /// The file's name.
  public var fileName: String { URL(fileURLWithPath: path).lastPathComponent }

  /// Finds the file that an earlier start made in a folder, or makes one. Blocking.
  init(in folder: String, now: Date) throws {
    let manager = FileManager.default
    let prefix = "sample-system-root-"
    let found = try manager.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix(prefix) && $0.hasSuffix(".pfx") }
    if let file = found.sorted().first {
      name = "Sample System Root " + file.dropFirst(prefix.count).dropLast(4)
      path = "\(folder)/\(file)"
      return
    }
    name = SampleRoots.secondName(now: now)
    path = "\(folder)/\(prefix)\(name.split(separator: " ").last ?? "").pfx"
    let identity = try SampleRoots.makeSecond(now: now)
    let bytes = try PFX.make(identity: identity, friendlyName: name, password: SecretBytes(utf8: password))
    guard
      manager.createFile(atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
    else { throw SampleFailure("\(path) cannot be written. Give a folder that can be written to with --data.") }
  }
}
