import ArgumentParser
import Console
import Foundation
import Logging

/// Where a console listens and what it logs.
struct ServingOptions: ParsableArguments {
  @Option(help: "Where to listen; port 0 lets the system choose.")
  var listen = ListenAddress(host: "127.0.0.1", port: 8443)

  @Option(help: "The least severe events that are logged: trace, debug, info, notice, warning, error, critical.")
  var logLevel: Logger.Level = .notice

  @Option(help: "How an event is logged: text (key=value pairs) or json (one object a line).")
  var logFormat: LineLog.Format = .text

  /// A logger that writes one line an event to standard error. To be made once.
  func logger() -> Logger {
    let (level, format) = (logLevel, logFormat)
    LoggingSystem.bootstrap { name in
      var handler = LineLog(label: name, format: format) { Output.lines($0, to: STDERR_FILENO) }
      handler.logLevel = level
      return handler
    }
    return Logger(label: "reroot")
  }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
extension LineLog.Format: ExpressibleByArgument {}

/// An address to listen on, written `HOST:PORT`, an IPv6 address in brackets.
struct ListenAddress: ExpressibleByArgument, CustomStringConvertible {
  let host: String
  let port: UInt16

  init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":"), let port = UInt16(argument[argument.index(after: colon)...]) else {
      return nil
    }
    var host = String(argument[..<colon])
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = String(host.dropFirst().dropLast())
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty else { return nil }
    self.init(host: host, port: port)
  }

  var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  var defaultValueDescription: String { description }
}
