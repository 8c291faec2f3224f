import Delivery
import Rotation
import Store

/// Which places, and which certificates, belong to components that are there already.
struct KnownPlaces: Sendable {
  private var endpoints: [String: String] = [:]
  private var certificates: [String: String] = [:]

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

  /// The component that has an endpoint at the place.
  func component(at place: Place) -> String? { endpoints[place.address] }

  /// The component that was last seen with the certificate.
  func component(serving fingerprint: String) -> String? { certificates[fingerprint] }
}
