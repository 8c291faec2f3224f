import Foundation
import Rotation
import Synchronization

/// The one connection to an account on a host, made when it is first needed and shared by everything that is done there.
actor SSHConnection {
  /// How many scripts run at once: with the connection's own session fewer than MaxSessions of sshd_config(5) allows, 10,
  /// and some that the server has not yet forgotten.
  private static let sessions = 5
  /// How often a session that was refused is asked for again, after a twentieth of a second each.
  private static let refusals = 40
  /// A connection that nobody uses is closed after this. Whoever has made a plan reads it, and starts it then.
  private static let idleLimit = Duration.seconds(300)

  /// Says that nothing was begun, because the connection is closed for good.
  struct Closed: Error {}

  /// The account.
  nonisolated let target: SSHTarget
  private let diagnosis: SSHDiagnosis
  /// Threads of its own: a host that hangs must keep nobody else waiting.
  private let threads = WorkThreads(count: sessions, name: "ssh")
  private var master: SSHMaster?
  private var opening: Task<SSHMaster, any Error>?
  private var isClosed = false
  private var users = 0
  private var idle: Task<Void, Never>?
  /// Since when nobody uses it.
  private var idleSince: ContinuousClock.Instant?

  init(_ target: SSHTarget) {
    self.target = target
    diagnosis = SSHDiagnosis(target: target)
  }

  /// Runs a script there; what it reports is the caller's to read.
  ///
  /// - Parameter sudo: whether as root.
  /// - Throws: ``Closed`` once it was closed, ``DeliveryFailure`` when it did not begin, or did not answer within the limit.
  func run(_ script: FarScript, sudo: Bool, limit: Duration) async throws -> FarAnswer {
    guard !isClosed else { throw Closed() }
    users += 1
    idleSince = nil
    defer { leave() }
    let start = ContinuousClock.now
    var master = try await connected()
    var answer = try await hold(script, master, sudo: sudo, limit: limit)
    if !answer.began, master.hasEnded, ContinuousClock.now - start < .seconds(2) {
      // It had been lost while nobody used it; nothing has been done yet.
      master = try await connected()
      answer = try await hold(script, master, sudo: sudo, limit: limit)
    }
    for _ in 0..<Self.refusals where !answer.began && SSHDiagnosis.isRefusedSession(answer.noise) {
      // The server has not yet forgotten sessions that are over, or shells that wait take those that it allows; nothing has
      // been done.
      let (shells, rootShells) = (master.shells, master.rootShells)
      try await threads.run {
        shells.endWaiting()
        rootShells.endWaiting()
      }
      try await Task.sleep(for: .milliseconds(50))
      answer = try await hold(script, master, sudo: sudo, limit: limit)
    }
    guard !answer.isExpired else {
      guard answer.began else { throw diagnosis.silent(limit) }
      return answer
    }
    if !answer.began {
      throw diagnosis.notBegun(answer.noise, status: answer.status)
    }
    return answer
  }

  /// Whether a connection is being made.
  var isOpening: Bool { opening != nil }

  /// Since when nobody uses it; nil while somebody does, and before the first.
  var restsSince: ContinuousClock.Instant? { idleSince }

  /// Closes the connection for good unless somebody uses it; whether it did.
  func closeIfIdle() async -> Bool {
    guard users == 0 else { return false }
    await close()
    return true
  }

  /// Closes the connection for good, whatever is done over it.
  func close() async {
    isClosed = true
    await disconnect()
  }

  private func disconnect() async {
    idle?.cancel()
    let closing = master
    master = nil
    await closing?.end()
  }

  private func hold(_ script: FarScript, _ master: SSHMaster, sudo: Bool, limit: Duration) async throws -> FarAnswer {
    let shells = sudo ? master.rootShells : master.shells
    return try await shells.hold(FarConversation(script, limit: limit), on: threads)
  }

  private func connected() async throws -> SSHMaster {
    let master = try await madeIfNeeded()
    guard !isClosed else {
      // It was closed while it was being made, when there was nothing yet to end.
      await master.end()
      self.master = nil
      throw diagnosis.linkLost("")
    }
    return master
  }

  private func madeIfNeeded() async throws -> SSHMaster {
    if let master, !master.hasEnded { return master }
    if let opening { return try await opening.value }
    let former = master
    master = nil
    let task = Task { [target, diagnosis] in
      await former?.end()
      return try await SSHMaster.open(target, diagnosis)
    }
    opening = task
    defer { opening = nil }
    do {
      let made = try await task.value
      master = made
      return made
    } catch {
      throw DeliveryFailure(error, doing: "Connecting to \(target.address)")
    }
  }

  private func leave() {
    users -= 1
    guard users == 0 else { return }
    idleSince = .now
    idle?.cancel()
    idle = Task { [weak self] in
      try? await Task.sleep(for: Self.idleLimit)
      if !Task.isCancelled { await self?.rest() }
    }
  }

  /// Lets go of the connection until it is needed again.
  private func rest() async {
    if users == 0 { await disconnect() }
  }
}

/// The process that holds a connection. It ends when this process does, however that comes about, because its standard
/// input ends then.
final class SSHMaster: Sendable {
  /// Nothing of Reroot's environment, such as the address of an agent, reaches ssh.
  static var environment: [String] { ["PATH=\(Program.searchPath)", "LC_ALL=C"] }
  /// Longer than ConnectTimeout, for a host that accepts a connection and then says nothing.
  private static let limit = Duration.seconds(20)

  let workplace: SSHWorkplace
  /// The shells of the account.
  let shells: FarShells
  /// Those that sudo has made root's.
  let rootShells: FarShells
  private let process: FarProcess
  private let ended = Mutex(false)

  var hasEnded: Bool { ended.withLock { $0 } }

  private init(_ target: SSHTarget, _ workplace: SSHWorkplace, _ process: FarProcess) {
    self.workplace = workplace
    self.process = process
    shells = Self.shells(target, sudo: false, workplace.path)
    rootShells = Self.shells(target, sudo: true, workplace.path)
  }

  private static func shells(_ target: SSHTarget, sudo: Bool, _ folder: String) -> FarShells {
    var far = target
    far.sudo = sudo
    let words = SSHOptions(target: far, folder: folder).session
    return FarShells { try FarProcess(words, environment: environment) }
  }

  /// Connects, and waits until the account's shell has answered.
  static func open(_ target: SSHTarget, _ diagnosis: SSHDiagnosis) async throws -> SSHMaster {
    try await WorkThreads.files.run { try IdentityFile.check(target.identityFile) }
    let workplace = try SSHWorkplace()
    let options = SSHOptions(target: target, folder: workplace.path)
    try workplace.write(options.knownHostsText, to: options.knownHosts)
    let process = try await WorkThreads.files.run { try start(options.master) }
    let master = SSHMaster(target, workplace, process)
    let answer = FirstAnswer<SSHMaster>()
    let thread = Thread { master.follow(diagnosis, answer) }
    thread.name = "ssh master"
    thread.start()
    let timer = Task {
      try? await Task.sleep(for: limit)
      if !Task.isCancelled, answer.give(.failure(diagnosis.silent(limit))) { process.signal(SIGKILL) }
    }
    defer { timer.cancel() }
    return try await withCheckedThrowingContinuation { answer.wait($0) }
  }

  private static func start(_ words: [String]) throws -> FarProcess {
    do {
      return try FarProcess(words, environment: environment)
    } catch let failure as DeliveryFailure where failure.code == "PROGRAM_MISSING" {
      throw DeliveryFailure(
        code: "SSH_MISSING", sentence: "The program ssh is not installed on Reroot's machine.",
        advice: "Install OpenSSH's client there (Debian: openssh-client), then try again.")
    }
  }

  /// Reads what it says until it ends, on a thread of its own.
  private func follow(_ diagnosis: SSHDiagnosis, _ answer: FirstAnswer<SSHMaster>) {
    var said = CommandOutput()
    var isReady = false
    var buffer = [UInt8](repeating: 0, count: 4096)
    var open = [process.output, process.errors]
    while !open.isEmpty {
      var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      guard poll(&polls, nfds_t(polls.count), -1) > 0 else { continue }
      for entry in polls where entry.revents != 0 {
        let count = Glibc.read(entry.fd, &buffer, buffer.count)
        if count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR) { open.removeAll { $0 == entry.fd } }
        guard count > 0 else { continue }
        if !isReady { said.append(buffer.prefix(count)) }
        if !isReady, said.text.contains("reroot-ready") {
          isReady = true
          answer.give(.success(self))
        }
      }
    }
    let status = process.wait()
    ended.withLock { $0 = true }
    let isOwn = status == 255 || status > 128
    answer.give(.failure(isOwn ? diagnosis.connecting(said.text) : diagnosis.noShell(said.text)))
  }

  /// Ends the connection. The thread that follows it collects it.
  func end() async {
    for part in [shells, rootShells] { part.close() }
    process.closeInput()
    process.signal(SIGTERM)
    for _ in 0..<100 where !hasEnded { try? await Task.sleep(for: .milliseconds(10)) }
    if !hasEnded { process.signal(SIGKILL) }
  }
}

/// The private key that Reroot signs in with.
enum IdentityFile {
  /// Throws where ssh would silently leave it out.
  static func check(_ path: String) throws {
    var status = stat()
    guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
      let cause = errno == ENOENT ? "does not exist" : "cannot be read by \(Ownership.userName(geteuid()))"
      throw DeliveryFailure(
        code: "SSH_IDENTITY_MISSING", sentence: "The SSH identity file \(path) \(cause) on Reroot's machine.",
        advice: "Make one there (ssh-keygen -t ed25519 -N '' -f \(path)), and add its public key to the account on the "
          + "host. Or correct the path in the component's settings.")
    }
    // ssh refuses a key of its own user that others can read.
    guard status.st_uid != geteuid() || status.permissions & 0o077 == 0 else {
      throw DeliveryFailure(
        code: "SSH_IDENTITY_OPEN", sentence: "The SSH identity file \(path) can be read by others.",
        advice: "Take their rights away (chmod 600 \(path)). If somebody may have read it, make a new one.")
    }
  }
}
