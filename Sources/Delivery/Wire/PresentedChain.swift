import Foundation
import PKI
import Rotation

/// The certificates that were seen at one place of a component: an endpoint, or the file of its own certificate.
public struct PresentedChain: Sendable {
  /// `host:port`, or the path of the file.
  public let place: String
  /// Whether it was served, and not only read.
  public let isOnWire: Bool
  /// The chain, the leaf first; nil where there is no such file.
  public let result: Result<[Certificate]?, DeliveryFailure>
  /// When it was seen.
  public let seenAt: Date
}

extension ComponentDelivery {
  /// One look at everything that a component presents: each endpoint on the wire, all at once, and its certificate file,
  /// which is all that can be seen of a client and what a server may load at its next start.
  public func presentedChains() async -> [PresentedChain] {
    async let views: [EndpointView] = look()
    let deployed = await lookAtFile()
    let moment = now()
    let served = await views.map { view in
      PresentedChain(
        place: view.endpoint.address, isOnWire: true, result: view.result.map { $0 }, seenAt: moment)
    }
    return served + [deployed].compactMap { $0 }
  }

  private func lookAtFile() async -> PresentedChain? {
    guard let (_, path) = component.files.chainFile else { return nil }
    let result: Result<[Certificate]?, DeliveryFailure>
    do {
      result = .success(try await deployedChain())
    } catch {
      result = .failure(DeliveryFailure(error, doing: "Reading \(path)"))
    }
    return PresentedChain(place: path, isOnWire: false, result: result, seenAt: now())
  }
}
