import Delivery
import HTTP
import Rotation

/// The page with the form of a component.
struct ComponentFormPage {
  let title: String
  let path: String
  let form: ComponentForm
  let problems: [FieldProblem]
  /// A banner that says where the values come from; nil where they are nobody's.
  var note: PageModel?

  func response(_ visit: Visit) throws -> Response {
    var model: PageModel = [
      "header": Part.header(title, breadcrumbs: ComponentPages.crumbs),
      "form": [
        "path": path, "groups": groups, "buttons": Part.buttons("Save", cancel: "/components"),
      ] as PageModel,
    ]
    model["banner"] = note
    if !problems.isEmpty { model["banner"] = Part.errors(problems.map { ($0.field, $0.sentence) }) }
    return try visit.page("form", model, status: problems.isEmpty ? 200 : 422)
  }

  private var groups: [PageModel] {
    [
      group("General", nil, general), group("Certificate", nil, certificate),
      group("Target", "Where the files are, and how Reroot reaches them.", TargetFields.parts(form, error)),
      group(
        "Files",
        "Absolute paths: a certificate file and a key file in PEM, or one combined file with both, or the PKCS#12 stores "
          + "of a Java service.", files),
      group("Activation", "How the component is made to use replaced files.", activation),
      group(
        "Endpoints",
        "Where the component answers with its certificate, so that it is proved on the wire. Leave what you "
          + "do not need empty.", endpoints),
      group("Connections to others", nil, peers),
    ]
  }

  private var general: [FieldPart] {
    [
      input("name", "Name", ["maxlength": "64"]).required, input("description", "Description", width: "full").optional,
      FieldPart.select(
        "kind", "Kind",
        options: [("", "None of the known")] + Preset.all.map { ($0.kind, $0.title) }, chosen: form.text("kind"),
        hint: "Says what it is. The values below count, whatever the kind.", error: error("kind")),
      input(
        "stage", "Stage", ["inputmode": "numeric", "min": "1", "max": "1000"], type: "number", width: "short",
        hint: "The order in an update: lower stages are finished before higher ones begin."),
      FieldPart.radios(
        "restart", "Within its stage",
        choices: [
          (Restart.atOnce.rawValue, "At once", "It is activated without waiting for others."),
          (
            Restart.rolling.rawValue, "Rolling",
            "Of a group, such as the replicas of one service, one at a time: the next one waits until it is verified."
          ),
        ], chosen: form.text("restart"), error: error("restart")),
      input("group", "Group", ["maxlength": "64"], hint: "With “Rolling”: the same name for all of the group.")
        .optional,
      FieldPart.text(
        "maintenance", "Maintenance note", value: form.text("maintenance"), rows: 2,
        hint: "What is to be thought of before, such as “ask the shift leader first”. The plan shows it.",
        error: error("maintenance")
      ).optional,
    ]
  }

  private var certificate: [FieldPart] {
    [
      text(
        "names", "Names", rows: 3,
        hint: "Host names and IP addresses, one to a line. The first is the common name too."),
      FieldPart.radios(
        "usage", "Usage",
        choices: [
          ("server", "Server", "It answers TLS connections."),
          ("client", "Client", "It shows its certificate when it connects to others."), ("both", "Both", nil),
        ], chosen: form.text("usage"), error: error("usage")),
      FieldPart.select(
        "key", "Key", options: KeyKind.allCases.map { ($0.rawValue, $0.rawValue) }, chosen: form.text("key"),
        error: error("key")),
      FieldPart.radios(
        "key.made", "The key is made",
        choices: [
          ("by-reroot", "By Reroot", "It is kept sealed and delivered together with the certificate."),
          (
            "on-target", "On the target, which it never leaves",
            "Only a signing request travels. It needs a key file of its own."
          ),
        ], chosen: form.text("key.made"), error: error("key.made")),
    ]
  }

  private var files: [FieldPart] {
    [
      input(
        "files.certificate", "Certificate file", width: "full", hint: "The chain, the component's certificate first."
      )
      .optional,
      input("files.key", "Key file", width: "full").optional,
      input("files.combined", "Combined file", width: "full", hint: "The chain and then the key, in one file.")
        .optional,
      input(
        "files.trust_bundle", "Trust bundle", width: "full",
        hint: "The root certificates that the component accepts from its peers. Without it they are not replaced."
      ).optional,
      input(
        "files.key_store", "Key store (PKCS#12)", width: "full",
        hint: "For Java: the key with its chain. The name of its entry is kept. Not JKS."
      ).optional,
      input(
        "files.trust_store", "Trust store (PKCS#12)", width: "full",
        hint: "For Java: the roots that it accepts, each as a trusted entry."
      ).optional,
      input(
        "files.store_password_file", "Password file of the stores", width: "full",
        hint: "A file at the target whose first line is the password, in ASCII. It is read there, and never shown."
      ).optional,
      input("files.owner", "Owner", hint: "A user's name or number; empty keeps the owner that is found.").optional,
      input("files.group", "Group", hint: "A group's name or number; empty keeps the group that is found.").optional,
      input("files.mode", "Mode", width: "short", hint: "Of the certificate and the trust bundle, in octal digits."),
      input("files.key_mode", "Mode of the key", width: "short", hint: "Of every file that holds the key."),
    ]
  }

  private var activation: [FieldPart] {
    [
      text(
        "activation.check", "Check", rows: 3,
        hint:
          "A program that looks at the configuration, with its arguments, one to a line. Where it fails the component "
          + "is not activated. {certificate} and {key} stand for the paths of the files."
      ).optional,
      FieldPart.radios(
        "activation.method", "Method",
        choices: [
          ("none", "None", "The component notices replaced files by itself."),
          ("command", "A command", "A program is run, without a shell."),
          ("signal", "A signal", "A signal is sent to the process of a pid file."),
          ("haproxy", "HAProxy’s runtime API", "The files are handed to the running HAProxy, without a reload."),
        ], chosen: form.text("activation.method"), error: error("activation.method")),
      text(
        "activation.command", "Command", rows: 4,
        hint: "The program by its absolute path, then each of its arguments, one to a line."
      ).optional,
      FieldPart.select(
        "activation.signal", "Signal", options: Activation.signals.map { ($0, "SIG" + $0) },
        chosen: form.text("activation.signal"), error: error("activation.signal")),
      input("activation.pid_file", "Pid file", width: "full").optional,
      input(
        "activation.haproxy_socket", "HAProxy’s socket", width: "full",
        hint: "The path of its stats socket, with level admin."
      ).optional,
      input(
        "activation.time_limit", "Time limit", ["min": "1", "max": "3600"], type: "number", width: "short",
        hint: "In seconds."),
    ]
  }

  private var endpoints: [FieldPart] {
    (0..<form.endpointRows).flatMap { row in
      let name = "endpoints.\(row)."
      let number = "Endpoint \(row + 1): "
      return [
        input(name + "host", number + "host").optional,
        input(
          name + "addresses", number + "addresses", width: "full",
          hint: "Where it answers at several: each is looked at. Empty for those that the host has."
        ).optional,
        input(name + "port", number + "port", ["min": "1", "max": "65535"], type: "number", width: "short").optional,
        input(name + "server_name", number + "server name", hint: "Where it is not the host.").optional,
        FieldPart.select(
          name + "transport", number + "transport",
          options: Endpoint.Transport.allCases.map { ($0.rawValue, $0 == .tls ? $0.label : "\($0.label) (STARTTLS)") },
          chosen: form.text(name + "transport"),
          error: error(name + "transport")),
      ]
    } + [
      input(
        "verification_time_limit", "Time limit of verification", ["min": "1", "max": "3600"], type: "number",
        width: "short", hint: "In seconds: for so long a verification is tried again.")
    ]
  }

  private var peers: [FieldPart] {
    [
      FieldPart.radios(
        "peers.choice", "It connects to",
        choices: [("all", "Any server of the system", nil), ("named", "Only these", nil)],
        chosen: form.text("peers.choice"), error: nil),
      text("peers", "Names of components", rows: 3, hint: "One to a line.").optional,
    ]
  }

  private func group(_ legend: String, _ hint: String?, _ fields: [FieldPart]) -> PageModel {
    var model: PageModel = ["legend": legend, "fields": fields.map(\.fields)]
    model["hint"] = hint
    return model
  }

  private func error(_ field: String) -> String? { problems.first { $0.field == field }?.sentence }

  private func input(
    _ name: String, _ label: String, _ attributes: [String: String] = [:], type: String = "text",
    width: String = "medium", hint: String? = nil
  ) -> FieldPart {
    FieldPart.input(
      name, label, type: type, value: form.text(name), hint: hint, error: error(name), width: width
    ).attributes(attributes)
  }

  private func text(_ name: String, _ label: String, rows: Int, hint: String) -> FieldPart {
    FieldPart.text(name, label, value: form.text(name), rows: rows, hint: hint, error: error(name), isCode: true)
  }
}
