import HTTP
import Rotation
import Store

extension APITable {
  /// The settings, where the audit log is sent on to, and the doctor.
  mutating func addSettings() {
    let tag = "Settings"
    let change = RouteAccess.administrator(to: "change the settings")
    on(
      .get, "/settings", tag,
      .init(
        id: "readSettings", summary: "Read the settings", access: .viewer,
        result: .json(Shape<SettingsDesk.Standing>.settings.schema, "The settings.").tagged
      ) { call in .json(try await SettingsAPI.json(call)) })
    on(
      .other("PATCH"), "/settings", tag,
      .init(
        id: "changeSettings", summary: "Change settings",
        text: "All that are given, or none of them; those that are not given stay. Those of updates hold from the next "
          + "one on.", access: change, parameters: [.ifMatch],
        body: .json(Schema(.object(PlainSetting.all.map { .may($0.member, $0.schema, $0.hint) }))),
        result: .json(Shape<SettingsDesk.Standing>.settings.schema, "The settings as they are now.").tagged,
        problems: [412]
      ) { call in try await SettingsAPI.change(call) })
    on(
      .put, "/settings/second-factor", tag,
      .init(
        id: "setSecondFactor", summary: "Require a second factor of everybody, or no more",
        text: "`If-Match` takes the tag of the settings.", access: change, parameters: [.ifMatch],
        body: .json(.object(.must("isRequired", .boolean, SecondFactorSetting.explanation))),
        result: .json(Shape<SettingsDesk.Standing>.settings.schema, "The settings as they are now.").tagged,
        problems: [409, 412]
      ) { call in
        try await SecondFactorSetting.set(
          call.body["isRequired"]?.flag == true, since: try await SettingsAPI.read(call), call.visit)
        return .json(try await SettingsAPI.json(call))
      })
    on(
      .put, "/settings/second-person", tag,
      .init(
        id: "setSecondPerson", summary: "Require the agreement of a second person, or ask to require it no more",
        text: "It is off once another administrator has agreed. `If-Match` takes the tag of the settings.",
        access: change, parameters: [.ifMatch],
        body: .json(.object(.must("isOn", .boolean, SecondPersonSetting.explanation))),
        result: .json(UpdatesAPI.decided, "It is done, or another administrator has to agree first.", status: 202),
        problems: [409, 412]
      ) { call in
        let asked = try await SecondPersonSetting.set(
          call.body["isOn"]?.flag == true, since: try await SettingsAPI.read(call), call.visit)
        return .json(["isTaken": .bool(asked == nil), "agreement": asked.map { .integer($0.id.rawValue) } ?? .null])
      })
    addSyslog(tag)
    on(
      .post, "/doctor", "Doctor",
      .init(
        id: "examine", summary: "Look at everything that Reroot stands on",
        text:
          "The checks of `reroot doctor`. Each component is looked at, so it may take a while; nothing is changed. An "
          + "examination that goes on already is joined.",
        access: .operator(to: "run the checks"),
        result: .json(SettingsAPI.examined, "What was found.")
      ) { call in
        let services = call.services
        return .json(SettingsAPI.json(try await services.examinations.run { await Doctor(services).examine() }))
      })
  }

  private mutating func addSyslog(_ tag: String) {
    let access = RouteAccess.administrator(to: "send the audit log on")
    on(
      .get, "/settings/syslog", tag,
      .init(
        id: "readSyslog", summary: "Read where the audit log is sent on to",
        text: "The tag is that of the address alone: how many entries wait changes by itself.", access: access,
        result: .json(SettingsAPI.syslog, "Where to, and how that stands.").tagged
      ) { call in SettingsAPI.answer(try await call.services.syslog.standing()) })
    on(
      .put, "/settings/syslog", tag,
      .init(
        id: "setSyslog", summary: "Set where the audit log is sent on to", access: access, parameters: [.ifMatch],
        body: .json(
          .object(
            .must(
              "address", Schema.string(0...300).orNull,
              "`udp://HOST:514`, `tcp://HOST:601` or `unix:/dev/log` (RFC 5424); null for nowhere."))),
        result: .json(SettingsAPI.syslog, "Where to, and how that stands.").tagged, problems: [412]
      ) { call in
        let former = try await call.store.syslogAddress()
        try APIDesk.check(call, isStill: SettingsAPI.tagged(former))
        do {
          _ = try await SyslogPage.set(
            call.body["address"]?.text ?? "", since: call.isConditional ? .some(former) : nil, call.visit)
        } catch let refusal as InputRefusal {
          throw refusal.atMembers
        }
        return SettingsAPI.answer(try await call.services.syslog.standing())
      })
  }
}

extension APICall {
  /// Whether the request is meant for one representation only.
  var isConditional: Bool { request.headers.first("if-match") != nil }
}

extension InputRefusal {
  /// The same, with the fields of a form as the members of a body (RFC 6901).
  var atMembers: InputRefusal {
    var refusal = self
    refusal.problems = problems.map {
      InputProblem(field: $0.field.isEmpty ? "" : "/" + $0.field, sentence: $0.sentence)
    }
    return refusal
  }
}

enum SettingsAPI {
  static func json(_ call: APICall) async throws -> JSONValue {
    Shape.settings.json(try await SettingsDesk.standing(call.services))
  }

  /// The settings that a change must find still; nil where the request does not say.
  ///
  /// - Throws: 412 where they are others already.
  static func read(_ call: APICall) async throws -> SettingsDesk.Standing? {
    guard call.isConditional else { return nil }
    let former = try await SettingsDesk.standing(call.services)
    try APIDesk.check(call, isStill: Shape.settings.json(former))
    return former
  }

  static func change(_ call: APICall) async throws -> APIAnswer {
    let former = try await read(call)
    var given: [String: String] = [:]
    for setting in PlainSetting.all {
      if let value = call.body[setting.member] { given[setting.key] = setting.text(value) }
    }
    do {
      try await SettingsDesk.change(given, since: former, call.visit)
    } catch var refusal as InputRefusal {
      // The form calls the settings by other names.
      let members = Dictionary(PlainSetting.all.map { ($0.key, $0.member) }) { first, _ in first }
      refusal.problems = refusal.problems.map {
        InputProblem(field: "/" + (members[$0.field] ?? $0.field), sentence: $0.sentence)
      }
      throw refusal
    }
    return .json(try await json(call))
  }

  // MARK: Syslog

  static let syslog = Schema.object(
    .must("address", Schema.string.orNull, "Where to; null for nowhere."),
    .must("waiting", .number, "How many entries wait to be sent."),
    .must("problem", Schema.string.orNull, "Why they wait, where something went wrong."))

  static func answer(_ standing: SyslogDesk.Standing) -> APIAnswer {
    .json(
      [
        "address": .text(standing.address), "waiting": .integer(standing.waiting), "problem": .text(standing.problem),
      ], tagged: tagged(standing.address))
  }

  static func tagged(_ address: String?) -> JSONValue { ["address": .text(address)] }

  // MARK: Doctor

  static let examined = Schema.object(
    .must("state", .oneOf(DoctorCheck.State.allCases.map(\.rawValue)), "The worst of all."),
    .must(
      "checks",
      .array(
        .object(
          .must("name", .string, "What was looked at."),
          .must("state", .oneOf(DoctorCheck.State.allCases.map(\.rawValue)), "How it is."),
          .must("sentence", .string, "What was found."),
          .must("advice", Schema.string.orNull, "What to do; null where nothing has to be done."))),
      "The checks, in the order of the examination."))

  static func json(_ report: DoctorReport) -> JSONValue {
    [
      "state": .string(report.state.rawValue),
      "checks": .array(
        report.checks.map { check in
          [
            "name": .string(check.name), "state": .string(check.state.rawValue), "sentence": .string(check.sentence),
            "advice": .text(check.advice),
          ]
        }),
    ]
  }
}

extension Shape where Value == SettingsDesk.Standing {
  /// The settings.
  static var settings: Shape<SettingsDesk.Standing> {
    Shape(
      "Settings", "The settings of the console.",
      PlainSetting.all.map { setting in
        Member(setting.member, setting.schema, setting.hint) { setting.json($0.value(setting)) }
      } + [
        Member("givenTrustedProxies", .array(.string), "Those of the command line, for as long as the server runs.") {
          .array($0.givenProxies.map { .string($0.description) })
        },
        Member("secondPerson", .boolean, SecondPersonSetting.explanation) { .bool($0.isSecondPersonOn) },
        Member("secondFactor", .boolean, SecondFactorSetting.explanation) { .bool($0.isSecondFactorRequired) },
      ])
  }
}
