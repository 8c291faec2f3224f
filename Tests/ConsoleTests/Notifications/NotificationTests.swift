import Delivery
import Foundation
import PKI
import Rotation
import Testing

@testable import Console
@testable import Store

/// Programs in the place of curl and sendmail: they write down what they are given, and end as the test says.
struct FakeSending {
  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    for name in ["curl", "sendmail"] {
      let script = """
        #!/bin/sh
        cd '\(folder.path)' || exit 9
        echo "$@" >> \(name).arguments
        number=$(ls | grep -c '^\(name)\\.input')
        cat > "\(name).input.$number"
        if [ -f \(name).refuses ] && grep -q -f \(name).refuses "\(name).input.$number"; then echo 422; exit 0; fi
        if [ -f \(name).hangs ] && grep -q -f \(name).hangs "\(name).input.$number"; then
          echo "curl: (28) Operation timed out after 30000 milliseconds"; exit 28
        fi
        cat \(name).says 2>/dev/null
        exit $(cat \(name).status 2>/dev/null || echo 0)
        """
      let path = folder.path + "/" + name
      try script.write(toFile: path, atomically: false, encoding: .utf8)
      try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: path)
    }
    try say("204", by: "curl")
  }

  var programs: SendingPrograms {
    var programs = SendingPrograms()
    (programs.curl, programs.sendmail) = (folder.path + "/curl", folder.path + "/sendmail")
    return programs
  }

  func say(_ text: String, status: Int = 0, by name: String) throws {
    try text.write(toFile: folder.path + "/\(name).says", atomically: true, encoding: .utf8)
    try "\(status)".write(toFile: folder.path + "/\(name).status", atomically: true, encoding: .utf8)
  }

  /// Has a receiver refuse, with the status 422, what has a text in it.
  func refuse(_ text: String, by name: String) throws {
    try text.write(toFile: folder.path + "/\(name).refuses", atomically: true, encoding: .utf8)
  }

  /// Has a receiver hang, until the time is over, at what has a text in it.
  func hang(_ text: String, by name: String) throws {
    try text.write(toFile: folder.path + "/\(name).hangs", atomically: true, encoding: .utf8)
  }

  /// What a program was given, call by call.
  func inputs(_ name: String) throws -> [String] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix("\(name).input.")
    }
    return try names.sorted { $0.count == $1.count ? $0 < $1 : $0.count < $1.count }.map {
      try String(contentsOfFile: folder.path + "/" + $0, encoding: .utf8)
    }
  }

  func arguments(_ name: String) throws -> String {
    try String(contentsOfFile: folder.path + "/\(name).arguments", encoding: .utf8)
  }

  /// The texts of the messages that sendmail was given.
  func mails() throws -> [(subject: String, text: String)] {
    try inputs("sendmail").map { mail in
      let parts = mail.components(separatedBy: "\n\n")
      let subject = parts[0].split(separator: "\n").first { $0.hasPrefix("Subject: ") }?.dropFirst(9) ?? ""
      let data = Data(base64Encoded: parts.last ?? "", options: .ignoreUnknownCharacters) ?? Data()
      return (String(subject), String(decoding: data, as: UTF8.self))
    }
  }
}

/// Runs a test with a system whose console sends by such programs.
func withSending(_ body: (TestSystem, FakeSending, Program) async throws -> Void) async throws {
  let sending = try FakeSending()
  let console = try await TestConsole(sending: sending.programs)
  do {
    let system = try await TestSystem(console)
    try await body(system, sending, try await Program(console))
  } catch {
    try? await console.stop()
    throw error
  }
  try await console.stop()
}

@Suite("Notifications", .timeLimit(.minutes(2))) struct NotificationDeskTests {
  static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

  private func desk(_ system: TestSystem) -> NotificationDesk { system.console.console.services.notifications }

  /// Everything that was queued, the oldest first.
  private func queued(_ system: TestSystem) async throws -> [NotificationRecord] {
    try await system.store.notifications(limit: 100).some.reversed()
  }

  @Test("A failure that waits, and the end, are told once each, with a link, by the mail system of this machine")
  func update() async throws {
    try await withSending { system, sending, program in
      let set = try await program.send(
        "PATCH", "/notifications",
        ["emailTo": ["grace@example.net"], "consoleAddress": "https://reroot.example.net:8443/"])
      #expect(try set.status == 200 && set.json["channels"] == ["email"], "\(set)")
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      _ = try await system.settled(id)
      try await eventually("the failure is told") { try sending.mails().count == 1 }
      _ = try await system.decide(id, .retry)
      try await eventually("the end is told") { try await queued(system).count(where: { $0.ending == .sent }) == 2 }
      let mails = try sending.mails()
      #expect(mails.map(\.subject) == ["Update 1 waits for a decision", "Update 1 is completed"])
      #expect(
        mails[0].text.contains("deploy web") && mails[0].text.contains("https://reroot.example.net:8443/updates/1"))
      #expect(try sending.arguments("sendmail") == "-t -i\n-t -i\n")
      await desk(system).settingsChanged()
      await desk(system).work()
      #expect(try await queued(system).count == 2)
    }
  }

  @Test(
    "How an update has ended is told in its words",
    arguments: [
      (
        [Decision.Kind.continueUpdate], "is completed with errors", "These actions have failed: deploy web, verify web."
      ),
      ([.abort], "was rolled back", "Every component that was touched is as it was before."),
      (
        [.abort, .override], "was rolled back with errors",
        "but for those whose restore was overridden: deploy web, restoreTrust web."
      ),
    ])
  func endings(_ decisions: [Decision.Kind], _ subject: String, _ part: String) async throws {
    try await withSending { system, sending, program in
      _ = try await program.send("PATCH", "/notifications", ["emailTo": ["grace@example.net"]])
      system.targets.arm(.deploy, at: "web", times: .max)
      if decisions.count > 1 { system.targets.arm(.restore, at: "web", times: .max) }
      let id = try await system.start()
      try await system.settled(id)
      for decision in decisions { try await system.decide(id, decision) }
      try await eventually("the end is told") {
        try sending.mails().contains { $0.subject == "Update \(id) \(subject)" }
      }
      let told = try #require(try sending.mails().last)
      #expect(told.subject == "Update \(id) \(subject)" && told.text.contains(part), "\(told)")
    }
  }

  @Test("What a receiver does not take is tried again after longer pauses, shown, and given up after three days")
  func again() async throws {
    try await withSending { system, sending, program in
      let set = try await program.send(
        "PATCH", "/notifications",
        ["webhookAddress": "https://hooks.example.net/x", "webhookSecret": .string(Self.secret)])
      #expect(set.status == 200, "\(set)")
      try sending.say("500", by: "curl")
      let message = NotificationMessage(
        .endpointDiffers, subject: "web: another certificate", text: "Look.", component: "web", key: "differs:web")
      await desk(system).notify(message)
      await desk(system).notify(message)
      func attempted(_ count: Int) async throws -> NotificationRecord {
        try await eventually("\(count) attempts") {
          await desk(system).work()
          return try await queued(system).first?.attempts ?? 0 >= count
        }
        return try #require(try await queued(system).first)
      }
      for (count, pause) in [(1, 10.0), (2, 30), (3, 90)] {
        let record = try await attempted(count)
        #expect(record.attempts == count && record.problem == "The receiver answered with the status 500.")
        #expect(record.dueAt?.timeIntervalSince(system.console.clock.now) == pause)
        system.console.clock.advance(pause)
      }
      let page = try await system.browser.get(NotificationPages.path)
      #expect(page.says("1 notification has not arrived") && page.says("answered with the status 500"))
      #expect(try await system.browser.get("/settings").says("1 notification has not arrived"))
      _ = try await attempted(4)
      system.console.clock.advance(NotificationDesk.patience)
      #expect(try await attempted(5).ending == .givenUp)
      #expect(try await queued(system).count == 1)

      try sending.say("204", by: "curl")
      await desk(system).notify(
        .init(.endpointDiffers, subject: "b", text: "b", component: "b", key: "differs:b"))
      try await eventually("sent") { try await queued(system).last?.ending == .sent }
      #expect(try await !system.browser.get("/settings").says("not arrived"))
    }
  }

  @Test("One message at which a receiver hangs pauses its channel for a short time only, and the others go on")
  func hangs() async throws {
    try await withSending { system, sending, program in
      try await hook(program)
      try sending.hang("poison", by: "curl")
      func notify(_ name: String) async {
        await desk(system).notify(.init(.endpointDiffers, subject: name, text: name, component: name, key: name))
      }
      func attempted(_ count: Int, _ index: Int = 0) async throws {
        try await eventually("\(count) attempts of \(index)") {
          await desk(system).work()
          return try await queued(system).dropFirst(index).first?.attempts == count
        }
      }
      await notify("poison")
      for count in 1...5 {
        try await attempted(count)
        let due = try #require(try await queued(system)[0].dueAt)
        if count < 5 { system.console.clock.advance(due.timeIntervalSince(system.console.clock.now)) }
      }
      // It waits for 810 s now; what comes after it is sent all the same, and also beside it when it is tried again.
      func sent(_ index: Int) async throws {
        let begin = system.console.clock.now
        try await eventually("\(index) is sent") {
          await desk(system).work()
          let record = try await queued(system)[index]
          if let due = record.dueAt, due > system.console.clock.now {
            system.console.clock.advance(due.timeIntervalSince(system.console.clock.now))
          }
          return record.ending == .sent
        }
        #expect(system.console.clock.now.timeIntervalSince(begin) <= NotificationDesk.longestChannelPause)
      }
      await notify("b")
      try await sent(1)
      system.console.clock.advance(810)
      try await attempted(6)
      await notify("c")
      try await sent(2)
      #expect(try await queued(system)[0].ending == nil)
    }
  }

  @Test("Each way is told what was chosen for it, and everything where nothing was")
  func kinds() async throws {
    try await withSending { system, _, program in
      try await hook(program)
      let set = try await program.send(
        "PATCH", "/notifications",
        ["emailTo": ["grace@example.net"], "emailKinds": ["endpoint.differs", "update.failure-waiting"]])
      #expect(try set.json["emailKinds"] == ["update.failure-waiting", "endpoint.differs"], "\(set)")
      for word in ["update.nonsense", "-"] {
        let wrong = try await program.send("PATCH", "/notifications", ["webhookKinds": [.string(word)]])
        let error = try #require(try wrong.json["errors"]?.elements?.first, "\(wrong)")
        #expect(error["pointer"] == "/webhookKinds")
        #expect(error["detail"]?.text?.hasPrefix("“\(word)” is none of ") == true)
      }
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      _ = try await system.settled(id)
      _ = try await system.decide(id, .retry)
      try await eventually("all are sent") { try await queued(system).count(where: { $0.ending == .sent }) == 3 }
      let told = try await queued(system).map { "\($0.channel.rawValue) \($0.notification.kind.rawValue)" }
      #expect(
        told.sorted() == [
          "email update.failure-waiting", "webhook update.completed", "webhook update.failure-waiting",
        ])
      let page = try await system.browser.get(NotificationPages.path)
      let ticked = try page.form(NotificationPages.path).fields.filter { $0.name == "notify_email_kinds" }.map(\.value)
      #expect(ticked == ["update.failure-waiting", "endpoint.differs"])
    }
  }

  @Test("On the page what is told is chosen by boxes: all of them are everything, also later, and none is asked about")
  func boxes() async throws {
    try await withSending { system, _, program in
      func kept() async throws -> JSONValue? { try await program.get("/notifications").json["emailKinds"] }
      func submit(_ ticked: [String], to address: String = "grace@example.net") async throws -> Answer {
        let form = try await system.browser.get(NotificationPages.path).form(NotificationPages.path)
        var others = form.fields.filter { !["notify_email_kinds", "notify_email_to"].contains($0.name) }
          .map { ($0.name, $0.value) }
        others.append(("notify_email_to", address))
        return try await system.browser.post(form.action, others + ticked.map { ("notify_email_kinds", $0) })
      }
      let page = try await system.browser.get(NotificationPages.path)
      let all = try page.form(NotificationPages.path).fields.filter { $0.name == "notify_email_kinds" }.map(\.value)
      #expect(all.count == NotificationMessage.Kind.allCases.count - 1)
      #expect(try await submit([all[4]]).status == 303)
      #expect(try await kept() == .array([.string(all[4])]))
      let none = try await submit([])
      #expect(none.status == 422 && none.error(of: "notify_email_kinds")?.hasPrefix("Choose one or more") == true)
      #expect(try none.form(NotificationPages.path).value("notify_email_kinds") == nil)
      #expect(try await kept() == .array([.string(all[4])]))
      // Where nothing is sent there is nothing to choose, and it stays for an address that is given later.
      #expect(try await submit([], to: " ").status == 303)
      #expect(try await kept() == .array([.string(all[4])]))
      #expect(try await submit(all).status == 303)
      #expect(try await kept() == [])
    }
  }

  private func hook(_ program: Program) async throws {
    let set = try await program.send(
      "PATCH", "/notifications",
      ["webhookAddress": "https://hooks.example.net/x", "webhookSecret": .string(Self.secret)])
    #expect(set.status == 200, "\(set)")
  }

  @Test("A notification that is refused keeps back no other; a receiver that is not reached is not asked for each")
  func oneRefused() async throws {
    try await withSending { system, sending, program in
      func message(_ name: String) -> NotificationMessage {
        .init(.endpointDiffers, subject: name, text: name, component: name, key: name)
      }
      try await hook(program)
      try sending.refuse("poison", by: "curl")
      for name in ["poison", "b", "c"] {
        try await system.store.queue(message(name), on: [.webhook])
      }
      try await eventually("the others are sent") {
        await desk(system).work()
        return try await queued(system).count(where: { $0.ending == .sent }) == 2
      }
      let refused = try #require(try await queued(system).first)
      #expect(refused.attempts == 1 && refused.ending == nil && refused.problem?.contains("422") == true)

      try sending.say("curl: (7) Failed to connect to hooks.example.net", status: 7, by: "curl")
      for name in ["d", "e"] { try await system.store.queue(message(name), on: [.webhook]) }
      try await eventually("the receiver is not reached") {
        await desk(system).work()
        return try await queued(system).contains { $0.problem?.contains("(7)") == true }
      }
      let last = try await queued(system).suffix(2)
      #expect(last.map(\.attempts).reduce(0, +) == 1 && Set(last.map(\.dueAt)).count == 1, "\(last)")
    }
  }

  @Test("What is sent again has the id of before; what a restored database sends under the same number has another one")
  func messageIDs() async throws {
    func ids(_ sending: FakeSending) throws -> [String] {
      try sending.inputs("curl").compactMap { try /webhook-id: (reroot-1-[0-9a-f]{32})"/.firstMatch(in: $0)?.1 }.map(
        String.init)
    }
    var first: [String] = []
    var mails: Set<Substring> = []
    // Two databases count from 1, as one does that was restored before its first notification.
    for _ in 1...2 {
      try await withSending { system, sending, program in
        try await hook(program)
        _ = try await program.send("PATCH", "/notifications", ["emailTo": ["grace@example.net"]])
        try sending.say("503", by: "curl")
        await desk(system).notify(.init(.endpointDiffers, subject: "a", text: "a", component: "a", key: "a"))
        try await eventually("it is sent again") {
          await desk(system).work()
          system.console.clock.advance(10)
          return try ids(sending).count >= 2
        }
        #expect(Set(try ids(sending)).count == 1)
        first += try ids(sending).prefix(1)
        mails.formUnion(try sending.inputs("sendmail").compactMap { try /Message-ID: <(.*)@/.firstMatch(in: $0)?.1 })
      }
    }
    #expect(Set(first).count == 2 && mails.count == 2, "\(first) \(mails)")
  }

  @Test("A stored password is not handed to another mail server, and goes with its user; so does a secret")
  func anotherServer() async throws {
    try await withSending { system, sending, program in
      func change(_ members: JSONValue) async throws -> Answer {
        try await program.send("PATCH", "/notifications", members)
      }
      let mail: JSONValue = [
        "emailTo": ["grace@example.net"], "smtpServer": "smtps://mail.example.net", "smtpUser": "reroot",
        "smtpPassword": "a quiet sentence",
      ]
      #expect(try await change(mail).status == 200)
      #expect(try await change(["smtpServer": "smtps://MAIL.example.net:465"]).status == 200)
      for other in ["smtps://evil.example.net", "smtp://mail.example.net", "smtps://mail.example.net:4650"] {
        let refused = try await change(["smtpServer": .string(other)])
        #expect(try refused.json["errors"]?.elements?.first?["pointer"] == "/smtpPassword", "\(other) \(refused)")
      }
      let given = try await change(["smtpServer": "smtps://other.example.net", "smtpPassword": "another sentence"])
      #expect(try given.json["hasSMTPPassword"] == true)
      _ = try await program.send("POST", "/notification-tests", ["channel": "email"])
      #expect(try sending.inputs("curl").last?.contains("url = \"smtps://other.example.net:465\"\n") == true)
      #expect(NotificationSettings.server("smtp://mail.example.net") == "smtp://mail.example.net:587")
      #expect(try await change(["smtpUser": ""]).json["hasSMTPPassword"] == false)
      // A password that nobody uses is not kept for whoever comes next.
      _ = try await change(["smtpPassword": "another sentence"])
      #expect(try await change(["smtpServer": "smtps://third.example.net"]).json["hasSMTPPassword"] == false)
      try await hook(program)
      #expect(try await change(["webhookAddress": ""]).json["hasWebhookSecret"] == false)
    }
  }

  @Test("No secret is in an argument, on a page, in an answer, in the audit log or in the server's log")
  func secrets() async throws {
    try await withSending { system, sending, program in
      let password = "a quiet sentence"
      let set = try await program.send(
        "PATCH", "/notifications",
        [
          "webhookAddress": "https://hooks.example.net/x", "webhookSecret": .string(Self.secret),
          "emailTo": ["grace@example.net"], "smtpServer": "smtps://mail.example.net", "smtpUser": "reroot",
          "smtpPassword": .string(password),
        ])
      #expect(try set.status == 200 && set.json["hasSMTPPassword"] == true, "\(set)")
      let mailed = try await program.send("POST", "/notification-tests", ["channel": "email"])
      #expect(try mailed.json["state"] == "sent", "\(mailed)")
      let called = try await program.send("POST", "/notification-tests", ["channel": "webhook"])
      #expect(try called.json["state"] == "sent", "\(called)")
      let inputs = try sending.inputs("curl")
      #expect(
        inputs.count == 2 && inputs[0].contains("user = \"reroot:\(password)\"\n") && inputs[0].contains("ssl-reqd\n"))
      #expect(inputs[1].contains("header = \"webhook-signature: v1,") && inputs[1].contains("proto = \"=https\"\n"))
      #expect(try sending.arguments("curl") == "-q --config -\n-q --config -\n")
      let page = try await system.browser.get(NotificationPages.path)
      let audit = try await system.store.auditEntries(limit: 100).map { "\($0)" }.joined()
      let answers = set.text + mailed.text + called.text + page.html + audit + system.console.log.all.joined()
      for secret in [password, Self.secret, "MfKQ9r8G"] { #expect(!answers.contains(secret), "\(secret)") }
      #expect(!inputs.joined().contains(Self.secret))
    }
  }

  @Test("A test whose way fails says why, and is not tried again; a way that is off has none")
  func test() async throws {
    try await withSending { system, sending, program in
      #expect(try await program.send("POST", "/notification-tests", ["channel": "email"]).problemCode == "CHANNEL_OFF")
      let form = try await system.browser.get(NotificationPages.path)
      #expect(!form.says("Send a test"))
      let saved = try await system.browser.submit(
        form, NotificationPages.path, ["notify_email_to": "grace@example.net, ada@example.net"])
      #expect(saved.status == 303, "\(saved.text)")
      try sending.say("no such host", status: 75, by: "sendmail")
      let page = try await system.browser.get(NotificationPages.path)
      #expect(page.says("Send a test over e-mail"))
      let tried = try await system.browser.submit(page, NotificationPages.path + "/tests")
      let shown = try await system.browser.get(NotificationPages.path)
      #expect(
        tried.status == 200 && tried.says("The test over e-mail has not arrived")
          && shown.says("did not take the message. no such host") && shown.says("Given up"))
      try sending.say("", by: "sendmail")
      let again = try await system.browser.follow(
        system.browser.submit(system.browser.get(NotificationPages.path), NotificationPages.path + "/tests"))
      #expect(again.says("The test was taken over e-mail."))
      #expect(try sending.inputs("sendmail").last?.contains("To: grace@example.net,\n ada@example.net\n") == true)
    }
  }

  @Test(
    "The end of a root and of the console's own certificate is told before it comes, and once more when it has come")
  func otherEnds() async throws {
    try await withSending { system, sending, program in
      _ = try await program.send("PATCH", "/settings", ["expiryDays": 20])
      _ = try await program.send("PATCH", "/notifications", ["emailTo": ["grace@example.net"]])
      try await system.settled(try await system.start())
      let console = try #require(system.console.console.services.https.current.chain.first).notAfter
      let rows = [
        ("Root certificate “New root”", system.new.certificate.notAfter, "/roots/\(system.newID)"),
        ("The console's HTTPS certificate", console, "/trust-store"),
      ]
      for (whose, end, path) in rows.sorted(by: { $0.1 < $1.1 }) {
        for (before, words) in [(20.5, nil), (19.5, "ends in 19 days"), (-0.5, "has expired")] {
          system.console.clock.advance(
            end.timeIntervalSince(system.console.clock.now) - before * 86_400)
          await desk(system).settingsChanged()
          await desk(system).work()
          func told() async throws -> [NotificationRecord] {
            try await queued(system).filter { $0.notification.subject.hasPrefix(whose) }
          }
          guard let words else {
            #expect(try await told().isEmpty)
            continue
          }
          try await eventually("\(whose) \(words)") {
            await desk(system).work()
            return try await told().last?.notification.subject == "\(whose) \(words)"
          }
          #expect(try await told().count == (words == "has expired" ? 2 : 1))
          #expect(try await told().last?.notification.path == path)
        }
      }
    }
  }

  @Test("The end of a component's certificate is told once, so many days before")
  func ends() async throws {
    try await withSending { system, sending, program in
      _ = try await program.send("PATCH", "/settings", ["expiryDays": 20])
      _ = try await program.send("PATCH", "/notifications", ["emailTo": ["grace@example.net"]])
      _ = try await system.settled(try await system.start())
      let end = try #require(try await system.store.currentSet()?.members.values.map(\.notAfter).min())
      func ends() async throws -> [NotificationRecord] {
        try await queued(system).filter { $0.notification.kind == .expiring && $0.notification.component != nil }
      }
      system.console.clock.advance(end.timeIntervalSince(system.console.clock.now) - 20 * 86_400 - 60)
      await desk(system).settingsChanged()
      await desk(system).work()
      #expect(try await ends().isEmpty)
      system.console.clock.advance(3600)
      try await eventually("two ends are told") {
        await desk(system).work()
        return try await ends().count == 2
      }
      #expect(
        try await ends().map(\.notification.subject).sorted() == [
          "broker: its certificate ends in 19 days", "web: its certificate ends in 19 days",
        ])
      system.console.clock.advance(86_400)
      await desk(system).settingsChanged()
      await desk(system).work()
      #expect(try await ends().count == 2)
    }
  }

  @Test(
    "While a renewal is about to replace them the ends of components are not told; they are once it is late or held")
  func renewedEnds() async throws {
    try await withSending { system, sending, program in
      _ = try await system.settled(try await system.start())
      let end = try #require(try await system.store.currentSet()?.members.values.map(\.notAfter).min())
      try await system.store.set(RenewalSettings.leadKey, to: "10 days")
      let all = try await CertificateEnd.all(system.store, console: nil).filter { $0.component != nil }
      func told(_ before: Double) async throws -> Set<String> {
        let renewal = try await RenewalLateness.read(system.store)
        let now = end.addingTimeInterval(-before * 86_400)
        return Set(
          all.compactMap { $0.message(now: now, days: 20, renewal: renewal)?.text.components(separatedBy: ". ").last })
      }
      let late: Set = ["Its renewal is late: the page “Updates” says why."]
      #expect(all.count == 2)
      for (before, words) in [(19, []), (9.5, []), (8.5, late), (-1, late)] as [(Double, Set<String>)] {
        #expect(try await told(before) == words, "\(before)")
      }
      let metrics = try await system.console.metrics()
      #expect(metrics["reroot_renewal_late_timestamp_seconds"] == end.timeIntervalSince1970 - 9 * 86_400)
      // Held: whoever has to act is told at once.
      system.console.clock.advance(end.timeIntervalSince(system.console.clock.now) - 9.9 * 86_400)
      let attempt = try await system.store.beginRenewal()
      try await system.store.endRenewal(attempt, code: "PLAN_BLOCKED", sentence: "A problem.")
      #expect(try await told(9.5) == late)
      try await system.store.set(RenewalSettings.leadKey, to: "off")
      #expect(try await told(19) == ["Start an update."])
      #expect(try await RenewalLateness.read(system.store) == nil)
    }
  }

  @Test(
    "A renewal is late a day after it may begin, or halfway to the end, and at once where no window comes before that")
  func lateness() throws {
    // 1 June 2026 is a Monday.
    let due = try #require(ISO8601DateFormatter().date(from: "2026-06-01T12:00:00Z"))
    let utc = try #require(TimeZone(identifier: "UTC"))
    for (windows, days, hours) in [("", 10, 24), ("", 1, 12), ("Wed 12:00-13:00", 10, 72), ("Wed 12:00-13:00", 1, 0)] {
      let found = RenewalLateness.moment(
        due: due, end: due.addingTimeInterval(Double(days) * 86_400), try MaintenanceWindows(windows, zone: utc))
      #expect(found.timeIntervalSince(due) == Double(hours) * 3600, "\(windows) \(days)")
    }
  }

  @Test("Ends that come near for many at once are nothing that somebody has changed; something else among them is")
  func manyEnds() async throws {
    try await withSending { system, _, _ in
      let store = system.store
      func message(_ kinds: String) async throws -> NotificationMessage? {
        let act = AuditAct(
          .endpointDiffers, by: .reroot, on: "30 components",
          ["components": "a, b and 28 more", Store.findingsKey: kinds])
        try await store.recording(act) {}
        return try await store.auditEntries(after: 0, limit: 1000).last.flatMap(NotificationWords.message)
      }
      let (ends, mixed) = (try await message("expiring"), try await message("expiring, noAnswer"))
      #expect(ends == nil && mixed?.text.hasPrefix("a, b and 28 more Find") == true)
    }
  }

  @Test("That an update waits is not told any more once somebody has decided")
  func decided() async throws {
    try await withSending { system, sending, program in
      try await hook(program)
      try sending.say("503", by: "curl")
      system.targets.arm(.deploy, at: "web")
      let id = try await system.start()
      _ = try await system.settled(id)
      try await eventually("it was tried once") { try await queued(system).first?.attempts == 1 }
      _ = try await system.decide(id, .retry)
      try sending.say("204", by: "curl")
      system.console.clock.advance(NotificationDesk.longestChannelPause)
      try await eventually("the end is told, and the question is not") {
        await desk(system).work()
        return try await queued(system).map(\.ending) == [.givenUp, .sent]
      }
      #expect(try sending.inputs("curl").count { $0.contains("failure-waiting") } == 1)
    }
  }

  @Test(
    "What cannot be it is refused at its field, and nothing is kept",
    arguments: [
      ("webhookAddress", "http://hooks.example.net/"), ("webhookAddress", "https://user:pass@hooks.example.net/"),
      ("webhookAddress", "https://hooks.example.net/\" -o x"), ("webhookAddress", "hooks.example.net"),
      ("emailFrom", "ada"), ("smtpServer", "mail.example.net"), ("smtpServer", "smtp://mail.example.net/x"),
      ("consoleAddress", "https://reroot.example.net/roots"), ("webhookSecret", "geheim"), ("smtpUser", "a:b"),
    ])
  func refused(_ member: String, _ value: String) async throws {
    try await withSending { system, _, program in
      let answer = try await program.send("PATCH", "/notifications", [member: .string(value), "emailTo": ["a@b"]])
      let pointers = try answer.json["errors"]?.elements?.compactMap { $0["pointer"]?.text } ?? []
      #expect(answer.status == 422 && pointers.contains("/" + member), "\(answer)")
      #expect(try await NotificationSettings.read(system.store).channels.isEmpty)
    }
  }

  @Test("A webhook needs a secret, a user of a mail server a password, and a change that was read too early is refused")
  func together() async throws {
    try await withSending { system, _, program in
      let bare = try await program.send("PATCH", "/notifications", ["webhookAddress": "https://hooks.example.net"])
      #expect(try bare.json["errors"]?.elements?.first?["pointer"] == "/webhookSecret", "\(bare)")
      let user = try await program.send("PATCH", "/notifications", ["smtpUser": "reroot"])
      #expect(try user.json["errors"]?.elements?.first?["pointer"] == "/smtpPassword", "\(user)")
      let tag = [("If-Match", try #require(try await program.get("/notifications").header("etag")))]
      #expect(try await program.send("PATCH", "/notifications", ["emailTo": ["a@b"]], tag).status == 200)
      #expect(try await program.send("PATCH", "/notifications", ["emailTo": []], tag).status == 412)
      // Switched off, what waits is not wanted any more.
      #expect(try await program.send("PATCH", "/notifications", ["emailTo": []]).json["channels"] == [])
    }
  }
}
