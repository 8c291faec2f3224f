import ArgumentParser
import Console
import Delivery
import Foundation
import PKI

/// `reroot settings`: the settings of a running console.
struct SettingsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "settings", abstract: "Show and change the settings.",
    subcommands: [Show.self, Set.self, SecondFactor.self, SecondPerson.self, Syslog.self],
    defaultSubcommand: Show.self)

  /// `reroot settings show`.
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show the settings.")

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        try SettingsText.show(try server.client().json(.get("/settings")), json: server.json)
      }
    }
  }

  /// `reroot settings set NAME=VALUE…`.
  struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Change settings, all or none.",
      discussion: """
        The names are those that `reroot settings show` prints. A value is JSON, such as 4, true or '["10.0.0.0/8"]'; \
        what is no JSON is a text.
        """)

    @Argument(help: "NAME=VALUE.")
    var changes: [String]

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        let client = try server.client()
        var request = APIRequest(method: "PATCH", path: "/settings")
        request.body = .json(.object(try SettingsText.members(changes)))
        try SettingsText.show(try client.json(request), json: server.json)
      }
    }
  }
}

extension SettingsCommand {
  /// On or off.
  enum Switch: String, CaseIterable, ExpressibleByArgument { case on, off }

  /// `reroot settings second-factor on|off`.
  struct SecondFactor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "second-factor", abstract: "Require a second factor of everybody, or no longer.")

    @Argument(help: "on or off.")
    var state: Switch

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        var request = APIRequest(method: "PUT", path: "/settings/second-factor")
        request.body = .json(["isRequired": .bool(state == .on)])
        try SettingsText.show(try server.client().json(request), json: server.json)
      }
    }
  }

  /// `reroot settings second-person on|off`.
  struct SecondPerson: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "second-person", abstract: "Have a second person agree to updates, or no longer.",
      discussion: "To switch it off takes the agreement of another administrator; until then the exit status is 11.")

    @Argument(help: "on or off.")
    var state: Switch

    @OptionGroup var server: ServerOptions

    func run() async throws {
      try await Complaint.ending {
        var request = APIRequest(method: "PUT", path: "/settings/second-person")
        request.body = .json(["isOn": .bool(state == .on)])
        let answer = try server.client().json(request)
        let isTaken = answer["isTaken"]?.flag == true
        if server.json {
          try Output.json(answer)
        } else {
          Output.line(
            isTaken
              ? "The second person is \(state.rawValue)."
              : "Another administrator has to agree to it first: request \(answer.number("agreement")).")
        }
        if !isTaken { throw ExitCode(CommandStatus.waiting.rawValue) }
      }
    }
  }

  /// `reroot settings syslog [ADDRESS|off]`.
  struct Syslog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show or set where the audit log is sent on to.")

    @Argument(help: "udp://HOST[:PORT], tcp://HOST[:PORT], unix:PATH or off (default: only show it).")
    var address: String?

    @OptionGroup var server: ServerOptions

    func validate() throws {
      if let address, address != "off", SyslogAddress(address) == nil {
        throw ValidationError("Give udp://HOST[:PORT], tcp://HOST[:PORT], unix:PATH or off.")
      }
    }

    func run() async throws {
      try await Complaint.ending {
        var request = APIRequest(path: "/settings/syslog")
        if let address {
          request.method = "PUT"
          request.body = .json(["address": address == "off" ? .null : .string(address)])
        }
        try SettingsText.show(try server.client().json(request), json: server.json)
      }
    }
  }
}

/// Settings as text.
enum SettingsText {
  static func show(_ settings: JSONValue, json: Bool) throws {
    guard !json, case .object(let members) = settings else { return try Output.json(settings) }
    Output.fields(try members.sorted { $0.key < $1.key }.map { ($0.key, try text($0.value)) })
  }

  private static func text(_ value: JSONValue) throws -> String {
    if case .string(let text) = value { return text }
    return String(decoding: try value.bytes(), as: UTF8.self)
  }

  /// What `NAME=VALUE` and others like it change.
  static func members(_ changes: [String]) throws -> [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    for change in changes {
      let parts = change.utf8.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
        .map { Substring($0) }
      guard parts.count == 2, !parts[0].isEmpty else {
        throw ValidationError("“\(change)” is no change of a setting: give NAME=VALUE.")
      }
      members[String(parts[0])] = value(String(parts[1]))
    }
    return members
  }

  /// A value as it is typed.
  static func value(_ text: String) -> JSONValue {
    (try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))) ?? .string(text)
  }
}
