/// The words that passwords are made of most often, gathered for this program: what stands near the top of every list of
/// stolen passwords, in small letters, and the words that somebody would take for this very system.
enum CommonPasswords {
  /// Single words, with `l` written as `i`, as ``PasswordRules`` compares them.
  static let words: Set<String> = Set(list.map(plain))
  /// Whole phrases of more words than are looked for, without their spaces.
  static let phrases: Set<String> = Set(sentences.map { plain($0.replacing(" ", with: "")) })
  /// The length of the longest word.
  static let longest = words.map(\.count).max() ?? 0

  private static func plain(_ word: String) -> String { word.replacing("l", with: "i") }

  private static let sentences = [
    "correct horse battery staple", "the quick brown fox", "the quick brown fox jumps over the lazy dog",
    "to be or not to be", "to be or not to be that is the question", "may the force be with you",
    "i love you so much", "i love you forever", "let me in right now", "this is my password", "this is a password",
    "my password is secure", "one ring to rule them all", "i am the administrator", "in god we trust",
    "once upon a time", "live long and prosper", "winter is coming", "hello world hello world",
    "lorem ipsum dolor sit amet", "ich liebe dich so sehr", "sesam oeffne dich", "open sesame open sesame",
    "give me a break", "never gonna give you up", "i dont know my password", "change me on first login",
    "please change me now", "just let me in",
  ]

  private static let list: [String] =
    [general, systems, people, things, seasons, german, others].flatMap { $0 }

  private static let general = """
    password passwort passwd passw pass pwd passphrase secret secrets secure security login logon signin welcome
    letmein changeme change default temp temporary test testing tester guest user username demo example sample
    access open opensesame sesame enter unlock please hello hallo hello world hi hey love iloveyou loveyou lover
    loveme iloveu you your yours me my mine the and for not this that is are one two three four five six seven
    eight nine ten hundred thousand million new old best good bad super mega ultra big great cool nice sexy hot
    trustno trust noone nobody whatever nothing something anything everything forever always never again
    qwerty qwertz azerty qwertyui qwertyuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc abc abcd abcdef
    abcdefg xyz xxx aaa aaaa keyboard computer internet mobile phone samsung google facebook twitter instagram
    youtube amazon apple microsoft windows linux ubuntu debian android iphone
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let systems = """
    admin admins administrator administrators root toor superuser sysadmin sysop system systems server servers
    network router switch firewall cisco oracle mysql postgres postgresql redis nginx apache tomcat jboss
    database backup operator operators manager management service services support helpdesk office company
    enterprise corporate business production prod staging development developer devel deploy docker kubernetes
    ansible jenkins gitlab vagrant raspberry scada plant factory station substation control controller gateway
    certificate certificates cert certs authority rootca issuer private public key keys keystore truststore trust
    changeit reroot rotate rotation renew update updates upgrade console monitor
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let people = """
    michael jennifer jessica michelle daniel thomas charlie andrew jordan ashley amanda matthew joshua robert
    william anthony nicole hannah samantha elizabeth alexander alexandra christian christopher patrick richard
    george maggie sophie chelsea heather melissa justin martin stefan andreas peter steven maria anna laura julia
    sarah sandra sabrina simone nathan oliver benjamin victoria angel angels angela babygirl baby babe honey
    sweetheart sweety darling princess queen king prince lady mother father mommy daddy family brother sister
    friend friends jesus christ jesuschrist god heaven blessed faith hope
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let things = """
    monkey dragon shadow master sunshine football baseball basketball soccer hockey tennis golf golfer fishing
    hunter hunting ranger killer batman superman spiderman ironman starwars startrek pokemon pikachu naruto
    nintendo playstation xbox minecraft fortnite tiger lion eagle eagles wolf bear panda bunny rabbit horse horses
    pony cat cats kitty kitten dog dogs doggy puppy snoopy mickey mouse minnie buster tigger ginger pepper cookie
    chocolate banana cherry orange lemon strawberry peanut butter coffee beer pizza cheese summerfun flower
    flowers rose lily star stars moon sun sky earth world ocean river mountain diamond diamonds silver gold golden
    purple yellow green blue black white red rainbow unicorn butterfly phoenix thunder lightning storm fire ice
    matrix hacker cyber ninja samurai pirate wizard magic merlin gandalf frodo hobbit jedi yoda vader ferrari
    porsche mercedes corvette mustang harley yamaha honda toyota camaro liverpool arsenal chelsea barcelona
    madrid juventus manchester united bayern dortmund yankees dallas cowboys lakers steelers packers steelers
    london paris berlin vienna moscow boston chicago texas america canada england germany france russia metallica
    nirvana slipknot eminem rockyou rockstar music guitar freedom liberty peace victory winner success power money
    dollar rich lucky happy smile crazy zombie vampire monster beast devil
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let seasons = """
    spring summer autumn fall winter monday tuesday wednesday thursday friday saturday sunday january february
    march april may june july august september october november december christmas easter holiday vacation birthday
    today tomorrow yesterday morning night day week month year newyear
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let german = """
    geheim geheimnis kennwort schluessel anmelden willkommen sommer winter herbst fruehling schatz schatzi liebe
    ichliebedich liebedich hallo hallowelt welt sonne sonnenschein blume stern engel maus hund katze fussball
    montag dienstag mittwoch donnerstag freitag samstag sonntag januar februar maerz mai juni juli oktober dezember
    berlin hamburg muenchen koeln wien zuerich oesterreich deutschland schweiz passwoerter zentrale anlage werk
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  private static let others = """
    motdepasse bonjour soleil azertyuiop jetaime contrasena hola amor teamo princesa senha brasil password
    wachtwoord welkom geheim haslo polska parola ciao amore juventus losenord sifre privet lubov zaq xsw cde vfr
    """.split(whereSeparator: \.isWhitespace).map(String.init)
}
