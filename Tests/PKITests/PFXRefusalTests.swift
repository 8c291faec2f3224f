import Foundation
import Testing

@testable import PKI

@Suite("A PFX file is refused with a reason and a sentence")
struct PFXRefusalTests {
  /// A file and why it is refused.
  struct Row: Sendable, CustomTestStringConvertible {
    let reason: PFXReason
    let name: String
    let password: String
    let now: TimeInterval
    let make: @Sendable (PFXWorkshop) throws -> [UInt8]

    init(
      _ reason: PFXReason, _ name: String, password: String = PFXForge.password, now: TimeInterval = 0,
      make: @escaping @Sendable (PFXWorkshop) throws -> [UInt8]
    ) {
      (self.reason, self.name, self.password, self.now, self.make) = (reason, name, password, now, make)
    }

    var testDescription: String { "\(reason.rawValue): \(name)" }
  }

  static let rows = PFXRefusalRows.file + PFXRefusalRows.contents + PFXRefusalRows.certificate

  @Test("Each kind of bad file gets its reason", arguments: rows)
  func refused(row: Row) throws {
    let bytes = try row.make(try PFXWorkshop())
    let inspection = inspect(bytes, password: row.password, now: Date(timeIntervalSinceNow: row.now))
    let refusal = try #require(inspection.refusal, "accepted")
    #expect(refusal.code == row.reason.rawValue, "\(refusal.sentence)")
    #expect(refusal.sentence.count > 40 && refusal.sentence.hasSuffix("."))
    #expect(!refusal.sentence.contains(row.password) || row.password.isEmpty)
  }

  @Test("Every reason has a row")
  func complete() {
    #expect(Set(Self.rows.map(\.reason)) == Set(PFXReason.allCases))
  }

  @Test("A sound root is accepted without a warning")
  func accepted() throws {
    let root = try PFXWorkshop.root()
    let inspection = inspect(
      try PFXForge.file(safes: [PFXForge.plainSafe([PFXForge.certificateBag(root.certificate)])]))
    #expect(inspection.refusal?.code == "NO_KEY")
    let workshop = try PFXWorkshop()
    _ = try workshop.material()
    let sound = inspect(try workshop.export())
    #expect(sound.refusal == nil)
    #expect(sound.warnings.isEmpty)
    #expect(sound.root?.certificate.subject == "CN=Test Root")
    #expect(sound.details.mac == "SHA2-256")
  }
}
