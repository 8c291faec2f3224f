/// Which connections between components would be refused, given what each presents and accepts at one moment.
///
/// A client verifies the server's chain against its trust bundle, and a server that has a trust bundle verifies the
/// client's. A component without a trust bundle refuses nobody as far as Reroot can know.
public struct Connections: Sendable {
  /// One component at one moment.
  public struct Side: Sendable, Hashable {
    /// The component.
    public var member: Course.Member
    /// The roots that its certificate may chain to now; empty when that is not known.
    public var presents: Set<RootKey>
    /// The roots that it certainly accepts now; nil when it has no trust bundle.
    public var accepts: Set<RootKey>?

    /// Describes a component at one moment.
    public init(member: Course.Member, presents: Set<RootKey>, accepts: Set<RootKey>?) {
      self.member = member
      self.presents = presents
      self.accepts = accepts
    }
  }

  /// The refused connections, as many as asked for as examples, and how many there are in all.
  public struct Result: Sendable, Hashable {
    /// Some of them.
    public var examples: [RefusedConnection] = []
    /// How many there are.
    public var count = 0
  }

  private let sides: [Side]
  private let orderedClasses: [(Class, [Int])]
  private let indexOf: [Component.ID: Int]
  /// For each component that somebody names as a peer, who does.
  private let callersOf: [Component.ID: [Int]]

  /// Groups the components: those that present and accept the same are judged once, however many they are.
  public init(_ sides: [Side]) {
    self.sides = sides
    orderedClasses = Dictionary(grouping: sides.indices) { Class(sides[$0]) }
      .sorted { $0.value[0] < $1.value[0] }.map { ($0.key, $0.value) }
    indexOf = Dictionary(sides.enumerated().map { ($1.member.id, $0) }, uniquingKeysWith: { first, _ in first })
    var callers: [Component.ID: [Int]] = [:]
    for (index, side) in sides.enumerated() where side.member.usage.isClient {
      for peer in Set(side.member.peers ?? []) { callers[peer, default: []].append(index) }
    }
    callersOf = callers
  }

  /// The connections that would be refused at this moment.
  ///
  /// - Parameters:
  ///   - moment: in words, for the result.
  ///   - onlyNew: leaves out those that were refused before the update as well.
  ///   - limit: how many examples are wanted.
  public func refused(moment: String, onlyNew: Bool, limit: Int = 20) -> Result {
    var result = Result()
    for (client, clients) in orderedClasses where client.usage.isClient {
      if client.choosesPeers {
        for index in clients { judgePeers(of: index, moment, onlyNew, limit, &result) }
      } else {
        for (server, servers) in orderedClasses where server.usage.isServer {
          judge(client, clients, server, servers, moment, onlyNew, limit, &result)
        }
      }
    }
    return result
  }

  /// The connections from and to one component that would be refused, were it as given here and all others as they are.
  /// Leaves out those that were refused before the update as well.
  ///
  /// - Parameters:
  ///   - moment: in words, for the result.
  ///   - limit: how many examples are wanted.
  public func refused(involving changed: Side, moment: String, limit: Int) -> Result {
    guard let own = indexOf[changed.member.id] else { return Result() }
    let one = Class(changed)
    var result = Result()
    if one.usage.isClient {
      if one.choosesPeers {
        for peer in changed.member.peers ?? [] {
          guard let other = indexOf[peer], sides[other].member.usage.isServer else { continue }
          judge(one, [own], Class(sides[other]), [other], moment, true, limit, &result)
        }
      } else {
        for (server, servers) in orderedClasses where server.usage.isServer {
          judge(one, [own], server, servers, moment, true, limit, &result)
        }
      }
    }
    if one.usage.isServer {
      for (client, clients) in orderedClasses where client.usage.isClient && !client.choosesPeers {
        judge(client, clients, one, [own], moment, true, limit, &result)
      }
      for caller in callersOf[changed.member.id] ?? [] {
        judge(Class(sides[caller]), [caller], one, [own], moment, true, limit, &result)
      }
    }
    return result
  }

  private func judgePeers(of index: Int, _ moment: String, _ onlyNew: Bool, _ limit: Int, _ result: inout Result) {
    for peer in sides[index].member.peers ?? [] {
      guard let other = indexOf[peer], sides[other].member.usage.isServer else { continue }
      judge(Class(sides[index]), [index], Class(sides[other]), [other], moment, onlyNew, limit, &result)
    }
  }

  private func judge(
    _ client: Class, _ clients: [Int], _ server: Class, _ servers: [Int], _ moment: String, _ onlyNew: Bool,
    _ limit: Int, _ result: inout Result
  ) {
    guard let side = Self.refusingSide(client.presents, client.accepts, server.presents, server.accepts) else { return }
    if onlyNew, Self.refusingSide(client.before, client.acceptedBefore, server.before, server.acceptedBefore) != nil {
      return
    }
    // Nobody connects to himself. The lists are ordered, and one of them is often a single component.
    let both =
      servers.count == 1
      ? (clients.contains(servers[0]) ? 1 : 0)
      : clients.count == 1 ? (servers.contains(clients[0]) ? 1 : 0) : Set(clients).intersection(servers).count
    result.count += clients.count * servers.count - both
    guard result.examples.count < limit else { return }
    for client in clients {
      for server in servers where server != client {
        guard result.examples.count < limit else { return }
        result.examples.append(describe(client, server, side, moment))
      }
    }
  }

  private static func refusingSide(
    _ clientPresents: Set<RootKey>, _ clientAccepts: Set<RootKey>?, _ serverPresents: Set<RootKey>,
    _ serverAccepts: Set<RootKey>?
  ) -> RefusedConnection.Side? {
    if let clientAccepts, !serverPresents.isSubset(of: clientAccepts) { return .client }
    if let serverAccepts, !clientPresents.isSubset(of: serverAccepts) { return .server }
    return nil
  }

  private func describe(
    _ client: Int, _ server: Int, _ side: RefusedConnection.Side, _ moment: String
  ) -> RefusedConnection {
    let (refuser, other) = side == .client ? (client, server) : (server, client)
    return RefusedConnection(
      client: sides[client].member.name, server: sides[server].member.name, refusedBy: side, moment: moment,
      reason: "the trust bundle of \(sides[refuser].member.name) does not hold the root that the certificate of "
        + "\(sides[other].member.name) chains to")
  }

  /// What decides whether a connection is refused, now and before the update.
  private struct Class: Hashable {
    let usage: Component.Usage
    let presents: Set<RootKey>
    let accepts: Set<RootKey>?
    let before: Set<RootKey>
    let acceptedBefore: Set<RootKey>?
    let choosesPeers: Bool

    init(_ side: Side) {
      usage = side.member.usage
      presents = side.presents
      accepts = side.accepts
      before = side.member.presentsBefore.map { [$0] } ?? []
      acceptedBefore = side.member.acceptsBefore
      choosesPeers = side.member.peers != nil
    }
  }
}
