import Delivery
import PKI
import Rotation
import Store
import Yams

/// Components as JSON: the same keys as in YAML, read and written by the same code.
public enum ComponentJSON {
  /// A component as JSON.
  public static func value(_ component: Component) throws -> JSONValue {
    let loaded = try Yams.load(yaml: ComponentWriter.text([component]))
    guard let first = json(loaded)["components"]?.elements?.first else { return .null }
    return first
  }

  /// The component that a JSON value describes, which has passed the check of ``schema``.
  ///
  /// - Throws: ``InputRefusal`` with everything that is wrong with it.
  public static func component(_ value: JSONValue, id: Component.ID) throws -> Component {
    let yaml = PointedYAML(["components": [value]])
    do {
      guard var component = try ComponentReader.components(in: yaml.text, isAlone: true).first else {
        throw InputRefusal("", "There is no component in it.")
      }
      component.id = id
      return component
    } catch let refusal as YAMLRefusal {
      throw yaml.refusal(refusal, below: "/components/0")
    }
  }

  private static func json(_ value: Any?) -> JSONValue {
    switch value {
    case let value as Bool: .bool(value)
    case let value as Int: .integer(Int64(value))
    case let value as Double: .number(value)
    case let value as String: .string(value)
    case let value as [Any]: .array(value.map(json))
    case let value as [AnyHashable: Any]:
      .object(Dictionary(value.map { ("\($0.key)", json($0.value)) }) { first, _ in first })
    default: .null
    }
  }

  /// What a component may be; what is more, such as files that do not fit together, is told when it is sent.
  static let schema = Schema(
    .named("Component") {
      Schema(.object(properties)).described(
        "One part of the system that uses a certificate. The keys are those of the YAML of `reroot components`.")
    })

  private static let text = Schema.string(0...4096)
  private static let words = Schema.array(Schema.string(0...4096), 0...256)
  private static let mode = Schema(.string(length: 3...4, format: nil, pattern: "^[0-7]{3,4}$"))
  private static let seconds = Schema.integer(
    Int64(Component.Limits.seconds.lowerBound)...Int64(Component.Limits.seconds.upperBound))
  private static let port = Schema.integer(1...65535)

  private static var properties: [Schema.Property] {
    [
      .must("name", .string(1...200), "Its name, of which there is one."),
      .may("description", text, "What it is, for people."),
      .may("kind", .oneOf(Preset.kinds), "The kind of server, whose usual values need not be given."),
      .may("maintenance", text, "A note for whoever starts an update."),
      .may(
        "stage",
        .integer(Int64(Component.Limits.stage.lowerBound)...Int64(Component.Limits.stage.upperBound)).initially(1),
        "Lower stages are finished first."),
      .may("restart", .oneOf(Restart.allCases.map(\.rawValue)), "`rolling`: one component of its group at a time."),
      .may("group", text, "The rolling group."),
      .must("names", words, "Host names and addresses, for the subject alternative names."),
      .may("usage", .oneOf(Component.Usage.allCases.map(\.rawValue)), "What its certificate is used for."),
      .may("key", key, "The key: its algorithm, and who makes it."),
      .may("target", target, "Where its files are: `local`, or another host over SSH."),
      .may("files", files, "Where its certificate, key and trust bundle are."),
      .may("activation", activation, "What makes it use them."),
      .may("endpoints", .array(endpoint, 0...1000), "Where it is seen on the wire."),
      .may("verification_time_limit", seconds, "For how long it may take to be seen, in seconds."),
      .may("peers", words.orNull, "The names of the components that it connects to; without it all servers."),
    ]
  }

  private static var key: Schema {
    let algorithms = Schema.oneOf(KeyKind.allCases.map(\.rawValue))
    return .anyOf([
      algorithms,
      .object(
        .must("algorithm", algorithms, "Its algorithm."),
        .may("made", .oneOf(KeyOrigin.allCases.map(\.rawValue)), "Who makes it.")),
    ])
  }

  private static var target: Schema {
    .anyOf([
      .oneOf(["local"]),
      .object(
        .must(
          "ssh",
          .object(
            .must("host", text, "The host."), .may("port", port.initially(22), "Its port."),
            .must("user", text, "Who signs in there."), .must("identity_file", text, "The private key's file."),
            .must("host_key", text, "The host's public key."),
            .may("sudo", .boolean, "Whether commands are run by sudo.")), "A host that is reached over SSH.")),
    ])
  }

  private static var files: Schema {
    let path = text.orNull
    return .object(
      .may("certificate", path, "The chain: child certificate first."), .may("key", path, "The private key."),
      .may("combined", path, "Key and chain in one file."), .may("trust_bundle", path, "The trusted roots."),
      .may("key_store", path, "A PKCS#12 store with key and chain."),
      .may("trust_store", path, "A PKCS#12 store with the trusted roots."),
      .may("store_password_file", path, "The file of the stores' password."), .may("owner", path, "Their owner."),
      .may("group", path, "Their group."), .may("mode", mode, "Their mode, octal."),
      .may("key_mode", mode, "The mode of the private key, octal."))
  }

  private static var activation: Schema {
    .object(
      .may("check", words.orNull, "A command that says whether the configuration is good; null for none."),
      .may("command", words.orNull, "The command, a word each; null for none."),
      .may("signal", text, "The signal, such as HUP."), .may("pid_file", text, "Where the process's number is."),
      .may("haproxy_socket", text, "HAProxy's runtime socket."),
      .may("time_limit", seconds, "For how long it may take, in seconds."))
  }

  private static var endpoint: Schema {
    .object(
      .may("host", text, "The host."), .may("addresses", words, "Addresses that are looked at instead."),
      .may("port", port, "The port."), .may("server_name", text, "The name that is asked for (SNI)."),
      .may("transport", .oneOf(Endpoint.Transport.allCases.map(\.rawValue)), "What comes before TLS."))
  }
}

extension InputRefusal {
  /// The code of a list that cannot be taken.
  static let components = "COMPONENTS_REFUSED"

  /// What is wrong with a list, by the lines of its text.
  init(_ refusal: YAMLRefusal) {
    self.init(code: Self.components, refusal.problems.map { InputProblem(field: "", sentence: $0.description) })
  }

  /// The same, with the fields of a component (`files.key`) as pointers (`/files/key`).
  var atPointers: InputRefusal {
    var refusal = self
    refusal.problems = problems.map {
      InputProblem(
        field: $0.field.isEmpty ? "" : "/" + $0.field.split(separator: ".").joined(separator: "/"),
        sentence: $0.sentence)
    }
    return refusal
  }
}
