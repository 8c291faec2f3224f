import Foundation
import PKI
import Rotation
import Synchronization
import Testing

@testable import Delivery

@Suite("The workers from before a reload", .timeLimit(.minutes(1)))
struct FormerWorkersTests {
  /// A master that listens, and whose worker does what it is told by signals: USR1 lets go of the socket, TERM ends it. Each is
  /// said when it has been done.
  private static let master = """
    import ctypes, os, signal, socket, sys
    os.closerange(3, 4096)  # What the tests' process has left open.
    listening = socket.create_server(("127.0.0.1", 0))
    told = set()
    for number in (signal.SIGUSR1, signal.SIGTERM): signal.signal(number, lambda number, frame: told.add(number))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
    worker = os.fork()
    if not worker: ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    while not worker:
        number = signal.sigwait([signal.SIGUSR1, signal.SIGTERM])
        if number == signal.SIGTERM: os._exit(0)
        listening.close()
        print("closed", flush=True)
    print("ready", flush=True)
    print(worker, flush=True)
    print(listening.getsockname()[1], flush=True)
    os.waitpid(worker, 0)
    print("ended", flush=True)
    sys.stdin.read()
    """

  @Test("are gone once they have let go of the socket, though they may go on with what they have begun")
  func letGo() throws {
    let child = try Child(python: Self.master)
    defer { child.end() }
    let worker = try #require(child.line().flatMap { pid_t($0) })
    let port = try #require(child.line().flatMap { UInt16($0) })
    let former = try #require(FormerWorkers(below: child.process, ports: [port], reload: 0))
    #expect(!former.areGone)
    kill(worker, SIGUSR1)
    #expect(child.line() == "closed")
    #expect(former.areGone && isAlive(worker))
    // At another port it never listened, and nobody below it listens here any more.
    #expect(FormerWorkers(below: child.process, ports: [port == 1 ? 2 : 1], reload: 0) == nil)
    #expect(FormerWorkers(below: child.process, ports: [port], reload: 0) == nil)
    kill(worker, SIGTERM)
    #expect(child.line() == "ended")
  }

  @Test("are gone once they have ended")
  func ended() async throws {
    let child = try Child(python: Self.master)
    defer { child.end() }
    let worker = try #require(child.line().flatMap { pid_t($0) })
    let port = try #require(child.line().flatMap { UInt16($0) })
    let former = try #require(FormerWorkers(below: child.process, ports: [port], reload: 0))
    await FormerWorkers.wait(for: former, atMost: .milliseconds(1))
    #expect(!former.areGone)
    kill(worker, SIGTERM)
    #expect(child.line() == "ended")
    #expect(former.areGone)
    await FormerWorkers.wait(for: former, atMost: .seconds(3600))
  }

  @Test("are not known of a process that has none, or none that shares a socket with it, or that is gone")
  func none() throws {
    let alone = try Child("read line")
    #expect(FormerWorkers(below: alone.process, ports: [1], reload: 0) == nil)
    alone.end()
    #expect(FormerWorkers(below: alone.process, ports: [1], reload: 0) == nil)
    let helped = try Child(
      python: "import os, sys; os.closerange(3, 4096); os.fork() and print('ready', flush=True); sys.stdin.read()")
    defer { helped.end() }
    #expect(!ProcessTree.below(helped.process).isEmpty)
    #expect(FormerWorkers(below: helped.process, ports: [1], reload: 0) == nil)
  }

  /// Verifies a server with the workers of a master that is told to let go, or not to.
  ///
  /// - Parameter stranger: the look that meets another certificate, counted from 1; 0 for none.
  /// - Returns: how many looks there were, and how long it took.
  private func looks(isGone: Bool, stranger: Int = 0) async throws -> (count: Int, took: Duration) {
    let child = try Child(python: Self.master)
    defer { child.end() }
    let worker = try #require(child.line().flatMap { pid_t($0) })
    let port = try #require(child.line().flatMap { UInt16($0) })
    let former = try #require(FormerWorkers(below: child.process, ports: [port], reload: 0))
    if isGone {
      kill(worker, SIGUSR1)
      #expect(child.line() == "closed")
    }
    let authority = try TestAuthority()
    let (other, identity) = (try authority.child(), try authority.child())
    let count = Mutex(0)
    let listener = try TestListener.tls { _ in
      count.withLock { count in
        count += 1
        return count == stranger ? other : identity
      }
    }
    let component = VerificationTests.component([Endpoint(host: "127.0.0.1", port: listener.port)], limit: 10)
    let start = ContinuousClock.now
    _ = try await ComponentDelivery(component: component, access: .local())
      .verify(expected: identity.chain[0], root: authority.certificate, previous: nil, former: former)
    return (count.withLock(\.self), ContinuousClock.now - start)
  }

  @Test("make three looks enough when they are gone, and are waited out while they are there")
  func verification() async throws {
    // Where looks take long, the time of settling may be over sooner.
    #expect(try await looks(isGone: true).count <= 3)
    #expect(try await looks(isGone: false).took >= ComponentDelivery.settling)
  }

  @Test("count for nothing once somebody answers who was not among them")
  func unknown() async throws {
    let (count, took) = try await looks(isGone: true, stranger: 2)
    #expect(count > 2 && took >= ComponentDelivery.settling)
  }

  @Test("are told where a signal reloads a server that has workers, unless a reload before it may be going on")
  func asked() async throws {
    let child = try Child(python: Self.master)
    defer { child.end() }
    let worker = try #require(child.line().flatMap { pid_t($0) })
    let port = try #require(child.line().flatMap { UInt16($0) })
    let folder = try TestFolder()
    let file = try folder.write("\(child.process)", to: "pid")
    func activate(_ method: Activation.Method, at ports: [UInt16]) async throws -> FormerWorkers? {
      var component = VerificationTests.component(ports.map { Endpoint(host: "127.0.0.1", port: $0) })
      component.activation = Activation(method: method)
      return try await ComponentDelivery(component: component, access: .local()).activate().former
    }
    #expect(try await activate(.command(["/bin/true"]), at: [port]) == nil)
    let former = try #require(try await activate(.signal("WINCH", pidFile: file), at: [port]))
    #expect(try await activate(.signal("WINCH", pidFile: file), at: [port]) == nil)
    kill(worker, SIGUSR1)
    #expect(child.line() == "closed")
    #expect(former.areGone)
    // That was another reload than the last one.
    #expect(try await activate(.signal("WINCH", pidFile: file), at: [port]) == nil)
  }

  @Test("of a process are known again once the reload before is over, or long ago")
  func reloads() throws {
    let reloads = Reloads()
    let start = ContinuousClock.now
    let first = try #require(reloads.begin(7, at: start))
    #expect(reloads.begin(8, at: start) != nil)
    reloads.end(first, of: 7)
    let second = try #require(reloads.begin(7, at: start))
    #expect(second != first)
    reloads.end(first, of: 7)
    #expect(reloads.begin(7, at: start + .seconds(9)) == nil)
    reloads.end(second, of: 7)
    #expect(reloads.begin(7, at: start + .seconds(18)) == nil)
    #expect(reloads.begin(7, at: start + .seconds(29)) != nil)
  }
}
