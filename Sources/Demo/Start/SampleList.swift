import Foundation
import Rotation
import Store

/// Keeps the list of components and the running sample system together: at which port each one answers.
struct SampleList: Sendable {
  let store: Store
  let fleet: SampleFleet

  /// Starts the sample system, on the ports that the list names where these are free, and corrects the list where they
  /// are not.
  func start() async throws {
    let components = try await store.components()
    let known = fleet.members.reduce(into: [String: UInt16]()) { ports, member in
      ports[member.name] = components.first { belongs($0, to: member) }?.endpoints.first?.port
    }
    try await fleet.start(ports: known)
    for member in fleet.members {
      guard let port = member.port, port != known[member.name],
        var component = components.first(where: { belongs($0, to: member) })
      else { continue }
      component.endpoints = [Endpoint(host: "127.0.0.1", port: port, serverName: member.sample.serverName)]
      try await store.replaceComponent(component)
    }
  }

  /// Whose component it is tells its folder, because an administrator may rename components.
  private func belongs(_ component: Component, to member: SampleMember) -> Bool {
    component.files.paths.contains { $0.path.hasPrefix(member.place.folder + "/") }
  }
}
