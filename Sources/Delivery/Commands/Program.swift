import Foundation

/// Finds the program of a command.
enum Program {
  /// Where programs given by name alone are looked for when the environment does not say.
  private static let standardPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The folders in which programs are looked for, as text: Reroot's own search path, without its relative parts.
  static var searchPath: String {
    let own = ProcessInfo.processInfo.environment["PATH"] ?? ""
    let folders = own.split(separator: ":").filter { $0.hasPrefix("/") }
    return folders.isEmpty ? standardPath : folders.joined(separator: ":")
  }

  /// The whole path of a program, given by its path or by its name alone. Throws unless it may be run.
  static func find(_ program: String) throws -> String {
    guard !program.isEmpty, !program.utf8.contains(0) else {
      throw DeliveryFailure(
        code: "PROGRAM_MISSING", sentence: "The activation command names no program.",
        advice: "Give the program as the first word of the command in the component's settings.")
    }
    if program.hasPrefix("/") {
      try check(program)
      return program
    }
    guard !program.utf8.contains(UInt8(ascii: "/")) else {
      throw DeliveryFailure(
        code: "PROGRAM_NOT_ABSOLUTE", sentence: "The program \(program) is given by a relative path.",
        advice: "Give its absolute path, or its name alone, in the component's settings.")
    }
    var found: DeliveryFailure?
    for folder in searchPath.split(separator: ":") {
      let path = "\(folder)/\(program)"
      do {
        try check(path)
        return path
      } catch let failure as DeliveryFailure where failure.code == "PROGRAM_MISSING" {
        continue
      } catch let failure as DeliveryFailure {
        // Like execvp(3): one that may not be run is told only when there is no other.
        found = found ?? failure
      }
    }
    throw found ?? missing(program, "in none of the folders \(searchPath)")
  }

  private static func check(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { throw missing(path, "not there") }
      throw DeliveryFailure.system(errno, "Looking at the program \(path)")
    }
    guard !status.isFolder else {
      throw DeliveryFailure(
        code: "PROGRAM_NOT_EXECUTABLE", sentence: "\(path) is a folder and no program.",
        advice: "Correct the command in the component's settings.")
    }
    guard status.isRegular, access(path, X_OK) == 0 else {
      throw DeliveryFailure(
        code: "PROGRAM_NOT_EXECUTABLE",
        sentence: "The program \(path) may not be run by \(Ownership.userName(geteuid())).",
        advice: "Make it executable (`chmod +x`), or correct the command in the component's settings.")
    }
  }

  private static func missing(_ program: String, _ place: String) -> DeliveryFailure {
    DeliveryFailure(
      code: "PROGRAM_MISSING", sentence: "The program \(program) is \(place).",
      advice: "Install it, or correct the command in the component's settings.")
  }
}
