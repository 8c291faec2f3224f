import Delivery
import Foundation
import Rotation
import Testing

@testable import Console

@Suite("Components of a kind", .timeLimit(.minutes(1))) struct ComponentKindTests {
  /// The component of a text that says its name, a kind and more.
  private func read(_ kind: String, _ more: String = "", names: String = "[a.example]") throws -> Component {
    let text = "components:\n  - name: a\n    names: \(names)\n    kind: \(kind)\n" + more
    return try #require(try ComponentReader.components(in: text).first)
  }

  private func problem(_ text: String) -> String? {
    do {
      _ = try ComponentReader.components(in: text)
      return nil
    } catch { return (error as? YAMLRefusal)?.problems.first?.description }
  }

  @Test("A component that says nothing but its kind has everything that is usual for it", arguments: Preset.all)
  func usual(_ preset: Preset) throws {
    let component = try read(preset.kind)
    #expect(component == preset.component(name: "a", names: [.dns("a.example")]))
    #expect(component.problems() == [])
    #expect(component.kind == preset.kind && component.files.identityPaths.count == preset.files.identityPaths.count)
    #expect(component.endpoints.map(\.transport) == [try #require(preset.ports.first).transport])
    // Whether it verifies its peers is nothing that a kind can know.
    #expect(component.files.trustBundle == nil)
    #expect(try ComponentReader.components(in: ComponentWriter.text([component])) == [component])
  }

  @Test("What it says itself counts, and the rest stays usual")
  func otherwise() throws {
    let component = try read(
      "mosquitto",
      """
          files: {key: /k/key.pem, group: ssl, key_mode: "0440", trust_bundle: /k/roots.pem}
          activation: {time_limit: 7}
          endpoints:
            - host: b.example
            - {host: b.example, port: 1}
      """)
    let usual = try #require(Preset.named("mosquitto"))
    #expect(component.files.key == "/k/key.pem" && component.files.certificateChain == usual.files.certificateChain)
    #expect(component.files.group == "ssl" && component.files.owner == "mosquitto")
    #expect(component.files.keyMode == 0o440 && component.files.mode == 0o644)
    #expect(component.files.trustBundle == "/k/roots.pem")
    #expect(component.activation.timeLimit == 7)
    #expect(
      component.activation.check == ["/usr/sbin/runuser", "-u", "mosquitto", "--", "/usr/bin/test", "-r", "/k/key.pem"])
    #expect(component.endpoints.map(\.port) == [8883, 1])
  }

  @Test("Mosquitto is reloaded, but restarted where it has a trust bundle, which a reload does not read")
  func restart() throws {
    let without = try read("mosquitto").activation.method
    #expect(without == .command(["/usr/bin/systemctl", "reload", "mosquitto"]))
    let with = try read("mosquitto", "    files: {trust_bundle: /k/roots.pem}\n").activation.method
    #expect(with == .command(["/usr/bin/systemctl", "restart", "mosquitto"]))
  }

  @Test("A value of nothing says that there is none")
  func none() throws {
    let component = try read(
      "postgresql",
      "    files: {owner: ~, group: ~}\n    activation: {check: ~, command: ~}\n    endpoints: []\n")
    #expect(component.files.owner == nil && component.files.group == nil)
    #expect(component.activation == Activation() && component.endpoints == [])
    #expect(try ComponentReader.components(in: ComponentWriter.text([component])) == [component])
  }

  @Test("One combined file takes the place of two usual ones, and two of one")
  func layout() throws {
    let combined = try read("redis", "    files: {combined: /r/all.pem}\n")
    #expect(combined.files.identityPaths.map(\.path) == ["/r/all.pem"])
    #expect(
      combined.activation.method
        == .command([
          "/usr/bin/redis-cli", "-e", "CONFIG", "SET", "tls-cert-file", "/r/all.pem", "tls-key-file", "/r/all.pem",
        ]))
    let separate = try read("haproxy", "    files: {certificate: /h/c, key: /h/k}\n")
    #expect(separate.files.identityPaths.map(\.path) == ["/h/c", "/h/k"])
  }

  @Test("A key store takes the place of PEM files, and the other way round; its check follows the paths")
  func stores() throws {
    let own = try read("java", "    files: {key_store: /j/k.p12, trust_store: /j/t.p12, store_password_file: /j/p}\n")
    #expect(own.files.paths.map(\.path) == ["/j/k.p12", "/j/t.p12"] && own.files.storePasswordFile == "/j/p")
    #expect(own.activation.check?.contains("/j/k.p12") == true && own.activation.check?.last == "/j/p")
    #expect(try ComponentReader.components(in: ComponentWriter.text([own])) == [own])
    let pem = try read("java", "    files: {certificate: /j/c, key: /j/k}\n")
    #expect(pem.files.identityPaths.map(\.path) == ["/j/c", "/j/k"] && pem.files.storePasswordFile == nil)
    let stores = try read("nginx", "    files: {key_store: /n/k, store_password_file: /n/p}\n")
    #expect(stores.files.identityPaths.map(\.path) == ["/n/k"])
  }

  @Test("Postfix is asked for longer than the minute that it waits after a process of its own failed")
  func patience() throws {
    #expect(try read("postfix").verificationTimeLimit == 90)
    #expect(try read("nginx").verificationTimeLimit == 30)
    #expect(try read("postfix", "    verification_time_limit: 5\n").verificationTimeLimit == 5)
  }

  @Test("A port that is usual has its usual way to TLS; any other has the kind's first one")
  func transports() throws {
    let component = try read(
      "postfix", "    endpoints: [{host: a.example}, {host: a.example, port: 465}, {host: a.example, port: 2525}]\n")
    #expect(component.endpoints.map(\.port) == [25, 465, 2525])
    #expect(component.endpoints.map(\.transport) == [.smtp, .tls, .smtp])
  }

  @Test("The usual endpoint is at the first name that is no pattern; a client has none")
  func endpoints() throws {
    #expect(
      try read("nginx", names: "[\"*.b.example\", 192.0.2.1]").endpoints == [Endpoint(host: "192.0.2.1", port: 443)])
    #expect(try read("nginx", "    usage: client\n").endpoints == [])
  }

  @Test("A kind that is not known is refused with the ones that are")
  func unknown() {
    #expect(
      problem("components:\n  - name: a\n    names: [a]\n    kind: ngnix\n")
        == "line 4: 'kind' must be one of \(Preset.kinds.joined(separator: ", ")), not 'ngnix'; did you mean 'nginx'?")
  }

  @Test("Only a whole word stands for a path, so that no path gets into what a shell reads")
  func words() throws {
    let component = try read(
      "nginx", "    activation: {command: [/bin/sh, -c, \"cat {key}\", \"{key}\", \"{certificate}\"]}\n")
    #expect(
      component.activation.method
        == .command(["/bin/sh", "-c", "cat {key}", "/etc/nginx/server.key", "/etc/nginx/server.pem"]))
  }

  @Test("A component of before, without kind and check, is still read from the store's text")
  func formerText() throws {
    var component = ComponentFormTests.full
    let former = try JSONEncoder().encode(component)
    #expect(!String(decoding: former, as: UTF8.self).contains("\"kind\""))
    #expect(!String(decoding: former, as: UTF8.self).contains("\"check\""))
    #expect(try JSONDecoder().decode(Component.self, from: former) == component)
    component.kind = "nginx"
    component.activation.check = ["/bin/true"]
    #expect(try JSONDecoder().decode(Component.self, from: JSONEncoder().encode(component)) == component)
  }

  // MARK: HAProxy's runtime API

  @Test("HAProxy's socket takes the place of the usual reload, and is read back")
  func socket() throws {
    let component = try read("haproxy", "    activation: {haproxy_socket: /run/haproxy/admin.sock}\n")
    #expect(component.activation.method == .haproxySocket("/run/haproxy/admin.sock"))
    #expect(component.activation.check == Preset.named("haproxy")?.activation.check)
    #expect(try ComponentReader.components(in: ComponentWriter.text([component])) == [component])
  }

  @Test(
    "HAProxy's socket is refused where it could not work",
    arguments: [
      ("files: {certificate: /h/c, key: /h/k}", "haproxy_socket: /s", "give a combined file"),
      ("files: {combined: /h/a b.pem}", "haproxy_socket: /s", "takes only paths of letters"),
      ("files: {combined: \"/h/a;b.pem\"}", "haproxy_socket: /s", "takes only paths of letters"),
      ("files: {trust_bundle: \"/h/r\\\\x\"}", "haproxy_socket: /s", "takes only paths of letters"),
      ("stage: 1", "haproxy_socket: s", "absolute path"),
      ("stage: 1", "haproxy_socket: /\(String(repeating: "s", count: 107))", "at most 107 bytes"),
      ("stage: 1", "command: [/bin/true], haproxy_socket: /s", "either 'command' or 'haproxy_socket'"),
      ("stage: 1", "signal: HUP, pid_file: /p, haproxy_socket: /s", "either 'haproxy_socket', or 'signal'"),
    ])
  func socketRefused(_ more: String, _ activation: String, _ sentence: String) {
    let text =
      "components:\n  - name: a\n    names: [a]\n    kind: haproxy\n    \(more)\n    activation: {\(activation)}\n"
    #expect(problem(text)?.contains(sentence) == true, "\(problem(text) ?? "")")
  }

  // MARK: The pages

  @Test("Every kind is listed with what is usual for it, and leads to a form that is filled with that")
  func list() async throws {
    try await withBrowser { console, browser in
      let page = try await browser.get("/components/kinds")
      for preset in Preset.all {
        let path = "/components/new?kind=\(preset.kind)"
        #expect(page.links.contains(path) && page.says("Add \(preset.title)"))
        #expect(preset.files.paths.allSatisfy { page.says($0.path) } && preset.configuration.allSatisfy(page.says))
        let form = try await browser.get(path)
        #expect(form.says("Filled with what is usual for \(preset.title)") && form.links.contains("/components/kinds"))
        let answer = try await browser.submit(
          form, nil, ["name": preset.kind, "names": "a.example", "endpoints.0.host": "a.example"])
        #expect(answer.status == 303, "\(preset.kind): \(answer.errorFields)")
      }
      // The form makes of it what the YAML makes of the kind alone.
      for component in try await console.store.components() {
        let kind = try #require(component.kind)
        var expected = try #require(Preset.named(kind)).component(name: kind, names: [.dns("a.example")])
        expected.id = component.id
        #expect(component == expected)
      }
      #expect(try await console.store.components().count == Preset.all.count)
    }
  }

  @Test("The words for the files follow the paths that are typed")
  func typedPaths() async throws {
    try await withBrowser { console, browser in
      let form = try await browser.get("/components/new?kind=mosquitto")
      let answer = try await browser.submit(
        form, nil, ["name": "m", "names": "m.example", "files.key": "/m/key.pem", "endpoints.0.port": ""])
      #expect(answer.status == 303, "\(answer.errorFields)")
      let component = try #require(try await console.store.components().first)
      #expect(component.activation.check?.last == "/m/key.pem" && component.endpoints == [])
      let details = try await browser.get("/components/\(component.id)")
      #expect(details.says("Mosquitto") && details.says("check by /usr/sbin/runuser"))
    }
  }

  @Test("A kind that is not known gives the empty form")
  func unknownForm() async throws {
    try await withBrowser { _, browser in
      let form = try await browser.get("/components/new?kind=iis")
      #expect(form.status == 200 && !form.says("Filled with"))
    }
  }
}
