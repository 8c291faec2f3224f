import Foundation
import Rotation

/// A signal to the process whose number stands in a file.
struct ProcessSignal: Sendable {
  private static let numbers: [String: Int32] = [
    "HUP": SIGHUP, "USR1": SIGUSR1, "USR2": SIGUSR2, "TERM": SIGTERM, "INT": SIGINT, "QUIT": SIGQUIT, "WINCH": SIGWINCH,
  ]

  private let name: String
  private let pidFile: String

  init(_ name: String, pidFile: String) {
    self.name = name
    self.pidFile = pidFile
  }

  /// Sends it, after all the checks. Blocking.
  func send() throws {
    let (process, number) = try resolve()
    guard kill(process, number) == 0 else { throw refused(errno, process) }
  }

  /// Sends it, and returns who took connections at some ports until then; nil where that cannot be told. Blocking.
  func send(watching ports: Set<UInt16>) throws -> FormerWorkers? {
    let (process, number) = try resolve()
    // Directly before: until it is sent the process may begin workers that are former ones, too.
    let former = Reloads.common.begin(process).flatMap { FormerWorkers(below: process, ports: ports, reload: $0) }
    guard kill(process, number) == 0 else { throw refused(errno, process) }
    return former
  }

  /// Throws unless it could be sent; sends nothing.
  func check() throws {
    let (process, _) = try resolve()
    guard kill(process, 0) == 0 else { throw refused(errno, process) }
  }

  private func resolve() throws -> (process: pid_t, number: Int32) {
    guard let number = Self.numbers[name] else {
      throw DeliveryFailure(
        code: "SIGNAL_UNKNOWN", sentence: "There is no signal “\(name)” that an activation may send.",
        advice: "Choose one of \(Activation.signals.joined(separator: ", ")) in the component's settings.")
    }
    guard let file = try FileReading.read(pidFile) else {
      throw DeliveryFailure(
        code: "PID_FILE_MISSING", sentence: "The pid file \(pidFile) does not exist.",
        advice: "Start the component, or correct the path in its settings to the file that it writes its number to.")
    }
    let process = try Self.process(in: file, pidFile)
    try requireRunning(process)
    try requireTrust(file, process)
    return (process, number)
  }

  /// The first line; PostgreSQL, for one, writes more below it.
  private static func process(in file: TargetFile, _ path: String) throws -> pid_t {
    let line = file.content.publicText.split(separator: "\n", omittingEmptySubsequences: false).first ?? ""
    let text = line.trimmingCharacters(in: .whitespaces)
    guard !text.isEmpty, text.utf8.count <= 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let process = pid_t(text), process > 1, process != getpid()
    else {
      throw DeliveryFailure(
        code: "PID_FILE_INVALID", sentence: "The pid file \(path) does not hold the number of a process.",
        advice: "Check that the path names the component's pid file, and restart the component if the file is damaged.")
    }
    return process
  }

  private func requireRunning(_ process: pid_t) throws {
    let entry = "/proc/\(process)"
    // A thread has such an entry too, and a signal to it reaches its whole process, which is not the one that is meant.
    guard Self.value(of: "Tgid", in: entry) == String(process), Self.isAlive(entry) else { throw stale(process) }
  }

  /// Whether it works: a process that has ended but was not collected yet can be signalled, but does nothing (state Z,
  /// proc(5)). That of a process is its first thread's, which may have ended before the others.
  private static func isAlive(_ entry: String) -> Bool {
    let threads = (try? FileManager.default.contentsOfDirectory(atPath: entry + "/task")) ?? []
    return threads.contains { thread in
      guard let state = value(of: "State", in: "\(entry)/task/\(thread)") else { return false }
      return !state.hasPrefix("Z") && !state.hasPrefix("X")
    }
  }

  private static func value(of field: String, in entry: String) -> String? {
    guard let text = try? String(contentsOfFile: entry + "/status", encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(field + ":") }
    return line.map { $0.dropFirst(field.utf8.count + 1).trimmingCharacters(in: .whitespaces) }
  }

  /// Whoever can write the file could make a privileged Reroot signal any process.
  private func requireTrust(_ file: TargetFile, _ process: pid_t) throws {
    var folder = stat()
    guard stat("/proc/\(process)", &folder) == 0 else { throw stale(process) }
    let isOwn = file.owner == 0 || file.owner == geteuid() || file.owner == folder.st_uid
    guard isOwn, file.mode.bits & 0o002 == 0 else {
      throw DeliveryFailure(
        code: "PID_FILE_NOT_TRUSTED",
        sentence: "The pid file \(pidFile) can be written by \(Ownership.userName(file.owner))"
          + "\(file.mode.bits & 0o002 == 0 ? "" : " and everybody else"), but names a process of "
          + "\(Ownership.userName(folder.st_uid)).",
        advice: "Let the file belong to root or to the user of the process, and be writable by nobody else.")
    }
  }

  private func stale(_ process: pid_t) -> DeliveryFailure {
    DeliveryFailure(
      code: "PID_FILE_STALE", sentence: "The pid file \(pidFile) names process \(process), which is not running.",
      advice: "Start the component, or correct the path in its settings to the file that it writes its number to.")
  }

  private func refused(_ number: Int32, _ process: pid_t) -> DeliveryFailure {
    if number == ESRCH { return stale(process) }
    return DeliveryFailure(
      code: "SIGNAL_REFUSED",
      sentence: "Reroot runs as \(Ownership.userName(geteuid())) and may not send SIG\(name) to process \(process), "
        + "named in \(pidFile).",
      advice: "Run Reroot as root or as the user of the component, or use an activation command that is permitted.")
  }
}
