import Testing

@testable import Console

@Suite("Which passwords are taken") struct PasswordRulesTests {
  @Test(
    "What is tried first is refused, however it is dressed up",
    arguments: [
      // Words of every list, alone, doubled, with digits, in capitals, disguised.
      "passwordpassword", "Password123456", "P@ssw0rd123!", "Pa$$w0rd2026!", "password!2345", "1234password",
      "administrator", "Adm1n1str4t0r!", "adminadmin123", "changeme1234", "ChangeMe2026!!", "letmeinletmein",
      "L3tm31n!2026", "iloveyou1234", "welcome123456", "Welcome2Reroot", "summer2026!!!", "Winter2025!!",
      "trustno1trustno1", "monkeydragon1", "qwertypassword", "dragon-monkey-12", "secretpassword",
      "superman12345", "liverpool1234", "sunshine2026!", "Sommer2026!!", "geheimgeheim", "Passwort12345",
      "rootrootroot", "toortoortoor!", "testtesttest", "default12345", "correct horse battery staple",
      "CorrectHorseBatteryStaple1", "letmeinplease", "hellohello123", "ｐａｓｓｗｏｒｄ1234",
      // Runs of the alphabet and the keyboard.
      "123456789012", "abcdefghijkl", "zyxwvutsrqponm", "qwertyuiopas", "QWERTZUIOP12", "asdfghjkl1234",
      "1qaz2wsx3edc", "q1w2e3r4t5y6", "abcdefgh1234", "aaaaaabbbbbb", "0987654321098", "1111222233334444",
      "qazwsxedcrfv",
      // The same again and again.
      "aaaaaaaaaaaa", "abababababab", "abcabcabcabc", "xk7xk7xk7xk7xk7", "a1b2a1b2a1b2",
      // Names.
      "rerootreroot", "Reroot2026!!", "R3r00t!!!!!!", "grace.hopper1", "Hopper-Grace", "gr4ceh0pper!!", "reroot-grace",
    ])
  func refused(_ password: String) {
    #expect(PasswordRules.weakness(password, name: "Grace Hopper") != nil)
    let problems = Credentials.problems(password, again: password, name: "Grace Hopper", field: "a", againField: "b")
    #expect(problems.count == 1)
    #expect(problems.first?.sentence.hasPrefix("Choose a password that is harder to guess: ") == true)
  }

  @Test(
    "What is not known to be weak is taken, whatever its characters are",
    arguments: [
      "correct horse battery", "a sentence that is long", "twelve chars", "my cat eats two fish a day",
      "kühlschranktür offen", "928374650192", "x9Qw-72kLp-0d", "vbnejkhgwert", "grace likes compilers",
      "reroot the garden hedge", "ПаролькаДлинная", "密码学的根证书要换新的了吧", "lamp tundra 88 violin",
      "password manager says kumquat", "2026 was a wet year here", "🦊🐢🌵🚲 and a kettle", "dragon 8f3k2l9s0d",
      "thirteen-owls", "no capital letters and no digits",
    ])
  func taken(_ password: String) {
    #expect(PasswordRules.weakness(password, name: "Grace Hopper") == nil)
    #expect(
      Credentials.problems(password, again: password, name: "Grace Hopper", field: "a", againField: "b").isEmpty)
  }

  @Test("A short name forbids no sentence that happens to hold it")
  func shortName() {
    #expect(PasswordRules.weakness("a canadian armada sails", name: "ada") == nil)
    #expect(PasswordRules.weakness("ada ada ada ada", name: "ada") != nil)
    #expect(PasswordRules.weakness("lovely weather, al", name: "al") == nil)
    #expect(PasswordRules.weakness("a fine long sentence", name: "") == nil)
  }

  @Test("Twelve characters are the least and 1,024 bytes the most")
  func lengths() {
    func problem(_ password: String) -> String? {
      Credentials.problems(password, again: password, name: "ada", field: "a", againField: "b").first?.sentence
    }
    #expect(problem("eleven owls")?.contains("at least 12") == true)
    #expect(problem("eleven owls!") == nil)
    let long = String(String(repeating: "an owl, a kettle and a fish; ", count: 40).prefix(1024))
    #expect(problem(long) == nil)
    #expect(problem(long + "x")?.contains("at most 1024 bytes") == true)
    #expect(problem("a nul \u{0} in the middle")?.contains("NUL") == true)
  }

  @Test("The list has some hundred words, each as it is compared")
  func list() {
    #expect(CommonPasswords.words.count > 400)
    for word in CommonPasswords.words.union(CommonPasswords.phrases) {
      #expect(word.allSatisfy { $0.isLetter && $0.isLowercase && $0 != "l" }, "\(word)")
    }
    print("\(CommonPasswords.words.count) words and \(CommonPasswords.phrases.count) phrases are looked for")
  }
}
