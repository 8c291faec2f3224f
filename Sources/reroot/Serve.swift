import ArgumentParser
import Console
import Delivery
import Foundation
import HTTP
import Logging
import PKI
import Store

/// `reroot serve`: the console over one data folder, until a signal ends it.
struct Serve: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run the console.",
    discussion: """
      HTTPS is served from the first start, with a certificate of the console's own making until another is chosen. The \
      first start prints a link that works once: there the first administrator chooses a name and a password.

      SIGTERM and SIGINT end it cleanly. An update that runs is found again at the next start. A service manager that waits \
      at NOTIFY_SOCKET is told when the console answers. A configuration file that is wrong, or cannot be read, ends it with \
      the status 78.
      """)

  @Option(
    help: ArgumentHelp(
      "A YAML file with these options, each by its name with _ for -; an option that is given here wins.",
      valueName: "file"), completion: .file(extensions: ["yaml", "yml"]))
  var config: String?

  @Option(help: "The folder for everything that Reroot remembers; it is made when it is not there.")
  var data: String

  @OptionGroup var serving: ServingOptions

  @OptionGroup var masterKey: MasterKeyOptions

  @Option(
    help: ArgumentHelp(
      "A PKCS#11 library that a root's key may stay in a hardware module behind; may be given more than once.",
      valueName: "path"))
  var pkcs11Module: [String] = []

  @Option(help: "How many seconds a hardware module has for one signature.")
  var pkcs11TimeLimit = 20

  @Option(
    help: ArgumentHelp(
      "Where the audit log is sent on to: udp://HOST[:PORT], tcp://HOST[:PORT] or unix:PATH; off for nowhere.",
      discussion: "It stays set until another address is given, here or on the page Audit, Syslog.",
      valueName: "address"))
  var syslog: String?

  @Option(
    help: "A YAML file of components, which are added or changed by their names at the start.",
    completion: .file(extensions: ["yaml", "yml"]))
  var components: String?

  @Option(
    name: .customLong("trusted-proxy"),
    help: ArgumentHelp(
      "The address, or range of addresses, of a reverse proxy that says for whom it asks; may be given again.",
      valueName: "CIDR"))
  var trustedProxies: [String] = []

  @Option(help: "The header in which they say it: X-Forwarded-For or Forwarded (default: as on the page Settings).")
  var forwardedHeader: ForwardedHeader?

  @Option(help: "How many requests a minute each token of the API may send.")
  var requestsPerMinute = 600

  func validate() throws {
    guard requestsPerMinute > 0 else {
      throw ValidationError("--requests-per-minute: give a whole number of 1 or more.")
    }
    guard pkcs11Module.allSatisfy({ $0.hasPrefix("/") }) else {
      throw ValidationError("--pkcs11-module takes an absolute path: to load a library is to run its code.")
    }
    guard (1...600).contains(pkcs11TimeLimit) else { throw ValidationError("--pkcs11-time-limit is 1 to 600.") }
    if let syslog, syslog != Self.off, SyslogAddress(syslog) == nil {
      throw ValidationError("--syslog takes udp://HOST[:PORT], tcp://HOST[:PORT], unix:PATH or off.")
    }
    do {
      for text in trustedProxies { _ = try AddressRange(text) }
    } catch {
      throw ValidationError("--trusted-proxy: \(error.sentence)")
    }
  }

  private static let off = "off"

  func run() async throws {
    HeapMemory.settle()
    let manager = ServiceManager()
    do {
      try OpenSSLVersion.require(3, 0, 19)
      manager.tell(.status("Opening the data folder \(data)"))
      // Before the signals are taken: whoever is asked for a passphrase may end the program by them.
      let store = try Store.open(folder: data, masterKey: masterKey.source)
      try await serve(store, StopSignals(), manager)
    } catch {
      try Complaint.end(error)
    }
  }

  private func serve(_ store: Store, _ signals: StopSignals, _ manager: ServiceManager) async throws {
    let logger = serving.logger()
    let listen = serving.listen
    var configuration = try ConsoleConfiguration(host: listen.host, port: listen.port)
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    configuration.modules = HardwareModules(
      libraries: pkcs11Module, worker: [program, "module-worker", "--parent", "\(getpid())"],
      limit: .seconds(pkcs11TimeLimit))
    if let syslog {
      try await store.setSyslogAddress(SyslogAddress(syslog)?.description) {
        AuditAct(.settingChanged, by: .commandLine(uid: getuid()), on: "syslog", $0)
      }
    }
    configuration.trustedProxies = try trustedProxies.map { text in try AddressRange(text) }
    configuration.forwardedHeader = forwardedHeader
    configuration.requestsPerMinute = requestsPerMinute
    if let components { Output.line(try await ComponentsFile.apply(components, to: store)) }
    let console = try await Console(store: store, configuration: configuration, logger: logger)
    let port = try await console.start()
    let address = "https://\(ListenAddress(host: listen.host, port: port))"
    logger.notice("serving", metadata: ["address": "\(address)", "openssl": "\(OpenSSLVersion.text)"])
    Output.line("Reroot serves \(address)")
    if let token = try await store.makeSetupToken() {
      Output.line("Set up the first administrator, once, at \(address)/setup/\(token)")
    }
    if !manager.tell(.ready, .status("Serving \(address)")) { logger.warning("service manager not told") }
    let signal = await signals.first()
    manager.tell(.stopping, .status("Waiting for what is in flight (\(signal))"))
    logger.notice("stopping", metadata: ["signal": "\(signal)"])
    await console.stop()
    try store.close()
    Output.line("Reroot has stopped.")
  }
}

extension ForwardedHeader: ExpressibleByArgument {
  /// Names of headers compare without regard to case.
  public init?(argument: String) {
    guard let found = Self.allCases.first(where: { $0.rawValue.lowercased() == argument.lowercased() }) else {
      return nil
    }
    self = found
  }
}
