import Delivery
import Rotation
import Store

/// Which places, and which certificates, belong to components that are there already.
struct KnownPlaces: Sendable {
  private var endpoints: [String: String] = [:]
  private var certificates: [String: String] = [:]
  private var console: (port: UInt16, fingerprint: String)?

  /// Those of a console's components, and the console's own.
  init(_ services: Services) async throws {
    self.init(try await services.store.components(), try await services.store.sightings())
    if let port = services.https.port, let leaf = services.https.current.chain.first {
      console = (port, leaf.fingerprint.hex)
    }
  }

  /// - Parameter sightings: what was last seen of each component.
  init(_ components: [Component], _ sightings: [Component.ID: [ServedCertificate]]) {
    for component in components {
      for endpoint in component.endpoints {
        for host in [endpoint.host] + (endpoint.addresses ?? []) where !host.isEmpty {
          endpoints[Place(host: host.lowercased(), port: endpoint.port).address] = component.name
        }
      }
      for seen in sightings[component.id] ?? [] { certificates[seen.fingerprint] = component.name }
    }
  }

  /// Whether it is this console that serves a certificate at a place. Its address may be any of the machine's, so it is
  /// known by the port together with the certificate: others may have either.
  func isConsole(at place: Place, serving fingerprint: String) -> Bool {
    console.map { $0.port == place.port && $0.fingerprint == fingerprint } ?? false
  }

  /// The component that has an endpoint at the place.
  func component(at place: Place) -> String? { endpoints[place.address] }

  /// The component that was last seen with the certificate.
  func component(serving fingerprint: String) -> String? { certificates[fingerprint] }
}
