import PKI
import Rotation

/// Looking at files of another machine: as many as belong together in one go.
extension FarOperations {
  /// The properties of files without their contents leaving the machine, in the order of the paths.
  func states(_ paths: [String]) async throws -> [FoundFile.State?] {
    guard !paths.isEmpty else { return [] }
    return try await look(at: paths, "state").states
  }

  /// Files with their contents, in the order of the paths.
  func read(_ paths: [String]) async throws -> [TargetFile?] {
    guard !paths.isEmpty else { return [] }
    let (states, output) = try await look(at: paths, "content")
    var contents = Self.pieces(of: output).makeIterator()
    return try zip(paths, states).map { path, state in
      guard let state else { return nil }
      guard let content = contents.next().flatMap(Base64.decode) else { throw notUnderstood("Reading \(path)") }
      // It may have grown after it was looked at.
      guard state.size <= TargetFile.maximumBytes else { throw FileReading.tooLarge(path, state.size) }
      guard content.count == state.size, content.sha256Hex == state.sha256 else {
        throw notWhole(path, content.count, of: state.size)
      }
      return TargetFile(content: content, owner: state.owner, group: state.group, mode: state.mode)
    }
  }

  private func look(at paths: [String], _ what: String) async throws -> (
    states: [FoundFile.State?], output: SecretBytes
  ) {
    for path in paths { try requirePath(path) }
    let script = FarScript(
      [FarBasics.reporting, FarBasics.paths, FarReading.opening, FarReading.files],
      call: "look_at_files \(what) \(ShellWord.quoted(paths))", files: what == "content" ? paths.count : 1)
    let answer = try await done(script, Self.look)
    let states = try paths.enumerated().map { index, path in
      try state(answer.reports.first { $0.count > 1 && $0[1] == String(index) }, of: path)
    }
    return (states, answer.output)
  }

  private func state(_ report: [String]?, of path: String) throws -> FoundFile.State? {
    if let report, report.count == 2, report[0] == "absent" { return nil }
    guard let report, report.count == 7, report[0] == "file", let owner = UInt32(report[2]),
      let group = UInt32(report[3]), let mode = UInt32(report[4], radix: 8), let size = Int(report[5]),
      Self.isDigest(report[6])
    else { throw notUnderstood("Looking at \(path)") }
    return FoundFile.State(sha256: report[6], size: size, owner: owner, group: group, mode: FileMode(bits: mode))
  }

  /// What stands before each line with a stop; nothing where an output is not like that.
  private static func pieces(of output: SecretBytes) -> [SecretBytes] {
    output.withBytes { bytes in
      bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).dropLast().map { piece in
        SecretBytes(copying: UnsafeRawBufferPointer(rebasing: piece))
      }
    }
  }
}
