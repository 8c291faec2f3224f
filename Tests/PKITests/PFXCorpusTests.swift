import Foundation
import PKI
import Testing

/// PFX files that nobody here made, each with the right answer. They are under licences of their own and so are not part
/// of the project: they are looked for beside it, in `../shared/pfx`, or where `REROOT_PFX_CORPUS` says.
private enum Corpus {
  static let folder: String? = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let beside = package.deletingLastPathComponent().appendingPathComponent("shared/pfx").path
    let path = ProcessInfo.processInfo.environment["REROOT_PFX_CORPUS"] ?? beside
    return FileManager.default.fileExists(atPath: path + "/real/manifest.json") ? path : nil
  }()

  /// A few dates in the files run out: the answers hold at this moment, half past two (UTC) of 23 November 2026.
  static let moment = Date(timeIntervalSince1970: 1_795_444_200)

  struct Manifest: Decodable {
    let files: [Entry]
  }

  struct Entry: Decodable {
    let file: String
    let cases: [Case]
  }

  struct Case: Decodable {
    let id: String
    let password: String
    let verdict: String
    let reasons: [String]?
    let orReject: [String]?
    let maxSeconds: Double?

    private enum CodingKeys: String, CodingKey {
      case id, password, verdict, reasons
      case orReject = "or_reject"
      case maxSeconds = "max_seconds"
    }

    /// Whether an answer is one of those that the manifest allows.
    func allows(_ inspection: PFXInspection) -> Bool {
      guard let code = inspection.refusal?.code else { return verdict == "accept" }
      guard verdict == "reject" else { return orReject?.contains(code) == true }
      let reasons = reasons ?? []
      return reasons.isEmpty || reasons.contains("ANY_REJECT") || reasons.contains(code)
    }
  }
}

@Suite("The corpus of PFX files", .timeLimit(.minutes(5))) struct PFXCorpusTests {
  @Test(
    "Every case of the three manifests is judged as its manifest says",
    .enabled(
      if: Corpus.folder != nil,
      "There is no corpus of PFX files beside the package (../shared/pfx), and REROOT_PFX_CORPUS names none"),
    arguments: ["real", "synthetic", "other"])
  func judged(_ name: String) throws {
    let folder = try #require(Corpus.folder) + "/" + name
    let manifest = try JSONDecoder().decode(
      Corpus.Manifest.self, from: try Data(contentsOf: URL(fileURLWithPath: folder + "/manifest.json")))
    var count = 0
    for entry in manifest.files {
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/files/\(entry.file)")))
      for one in entry.cases {
        let start = ContinuousClock.now
        let inspection = PFX.inspectRoot(bytes, password: SecretBytes(utf8: one.password), now: Corpus.moment)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let isAllowed = one.allows(inspection)
        #expect(isAllowed, "\(one.id): \(inspection.refusal?.code ?? "accept")")
        #expect(seconds < one.maxSeconds ?? 10, "\(one.id)")
        count += 1
      }
    }
    print("\(name): \(count) cases of \(manifest.files.count) files")
    #expect(count >= manifest.files.count)
  }
}
