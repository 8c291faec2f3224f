import ArgumentParser
import Console
import Foundation
import PKI

/// `reroot doctor`: what Reroot stands on, one line a check.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Look at everything that Reroot stands on, and say what to do about each.",
    discussion: """
      Looks at the data folder, the database, the master key and every secret, the clock, the ends of certificates, the free \
      space, the versions of the libraries, and every component's target and endpoints. Changes nothing. With --data it looks at \
      a folder, and a server may run on it; without, the running console looks.

      Exit status: 0 when all is well, 1 when something is to be done soon (WARN), 2 when something does not work (FAIL).
      """)

  @OptionGroup var place: PlaceOptions

  func run() async throws {
    try await Complaint.ending {
      guard let folder = place.data else { return try overAPI() }
      // Asked for once: the doctor looks again where a server has started meanwhile.
      let report = await Doctor(folder: folder, masterKey: try place.masterKey.source.asked()).examine()
      Output.line(place.server.json ? try report.json() : report.text)
      if report.status != 0 { throw ExitCode(report.status) }
    }
  }

  private func overAPI() throws {
    let report = try place.server.client().json(.post("/doctor"))
    if place.server.json {
      try Output.json(report)
    } else {
      for check in report["checks"]?.elements ?? [] {
        let advice = check["advice"]?.text.map { " \($0)" } ?? ""
        Output.line(
          TextWidth.padded(check.words("state"), to: 5)
            + VisibleText.of("\(check.words("name")): \(check.words("sentence"))\(advice)"))
      }
    }
    let status: Int32 = ["OK": 0, "WARN": 1][report.words("state")] ?? 2
    if status != 0 { throw ExitCode(status) }
  }
}
