import Delivery
import Foundation
import PKI
import Rotation
import Store

/// Looks at one component without touching it: its target, and what its endpoints serve.
struct ComponentDoctor: Sendable {
  let component: Component
  /// Its certificate in the current set; nil where it has none.
  let member: CertificateSet.Member?
  let access: TargetAccess
  let clock: @Sendable () -> Date

  private static let limit = Duration.seconds(15)

  func checks() async -> [DoctorCheck] {
    async let target = lookAtTarget()
    async let endpoints = lookAtEndpoints()
    return [await target] + (await endpoints)
  }

  /// The folders that an update writes in, each once.
  static func folders(_ component: Component) -> [String] {
    var seen: Set<String> = []
    return component.files.paths.map { ($0.path as NSString).deletingLastPathComponent }
      .filter { seen.insert($0).inserted }
  }

  // MARK: The target

  private func lookAtTarget() async -> DoctorCheck {
    let name = "target of “\(component.name)”"
    let place = component.target.ssh.map { "on \($0.words)" } ?? "on this machine"
    do {
      for folder in Self.folders(component) {
        // The plan makes a file there to be certain; the doctor leaves no trace.
        guard try await access.run(["test", "-d", folder], Self.limit).isSuccess else {
          return .fail(
            name, "The folder \(folder) is not there \(place).", "Make it, or correct the component's files.")
        }
        guard try await access.run(["test", "-w", folder], Self.limit).isSuccess else {
          return .fail(
            name, "The folder \(folder) cannot be written \(place).",
            "Give it to the user that Reroot works as there, or check whether its file system is mounted read-only.")
        }
      }
      var missing: [String] = []
      for (_, path) in component.files.paths where try await access.state(path) == nil { missing.append(path) }
      if member != nil, !missing.isEmpty {
        return .fail(
          name, "\(missing.joined(separator: ", ")): not there, though an update put it there.",
          "Start an update, which makes it again.")
      }
      return .ok(name, "Its folders \(place) are there and can be written.")
    } catch {
      let failure = Failure(describing: error)
      return .fail(name, failure.sentence, failure.advice)
    }
  }

  // MARK: The wire

  private func lookAtEndpoints() async -> [DoctorCheck] {
    let delivery = ComponentDelivery(component: component, access: access, now: clock)
    return await delivery.look().map { endpoint, result in
      let name = "endpoint \(endpoint.address) of “\(component.name)”"
      switch result {
      case .failure(let failure): return .fail(name, failure.failure.sentence, failure.failure.advice)
      case .success(let served): return judge(name, served)
      }
    }
  }

  private func judge(_ name: String, _ served: ServedCertificate) -> DoctorCheck {
    if served.notAfter <= clock() {
      return .fail(
        name, "It serves “\(served.subject)”, which ended on \(Display.moment(served.notAfter)).",
        "Start an update, or see why it has not loaded the certificate that is in its files.")
    }
    guard let member else {
      return .ok(name, "It serves “\(served.subject)”. No update has given it a certificate yet.")
    }
    guard served.fingerprint == member.fingerprint else {
      return .fail(
        name,
        "It serves “\(served.subject)”, issued by “\(served.issuer)”, and not the certificate of the current set (serial "
          + "number \(member.serial)).",
        "Reload “\(component.name)” if its files are right; otherwise start an update.")
    }
    return .ok(name, "It serves the certificate of the current set.")
  }
}
