import Delivery
import Foundation
import PKI
import Rotation
import Store

/// The checks that go by what the database says: the ends of certificates, and the components as they are now.
struct StoreDoctor: Sendable {
  let store: Store
  let surroundings: DoctorSurroundings

  func checks() async throws -> [DoctorCheck] {
    let now = surroundings.clock()
    let notice = try await EndNotice.read(store, now: now)
    let components = try await store.components()
    let set = try await store.currentSet()
    var checks: [DoctorCheck] = []
    if let restoration = try await store.restoration(), restoration.isOpen {
      checks.append(
        .warn(
          "restored", "The database was restored from a backup of \(Display.moment(restoration.backupMadeAt)).",
          "Read what differs, and confirm it: on the page “Restored from a backup”, or by `reroot restoration`."))
    }
    checks += try await roots(notice)
    checks += try await console(notice)
    checks += components.compactMap { component in
      set?.members[component.id].map { child(component, $0, notice) }
    }
    if let check = try await allExpired(set, now) { checks.append(check) }
    checks += spaces(components)
    let looks = await ManyAtOnce.each(components) { component in
      await ComponentDoctor(
        component: component, member: set?.members[component.id], access: surroundings.access(to: component),
        clock: surroundings.clock
      ).checks()
    }
    return checks + looks.flatMap(\.self)
  }

  // MARK: Ends

  private func roots(_ notice: EndNotice) async throws -> [DoctorCheck] {
    try await store.roots().filter { $0.state != .retired }.map { root in
      let advice =
        switch root.state {
        case .inForce: "Import its successor, and start an update to it."
        case .retiring: "Update the components that still use it, then retire it."
        case .imported, .retired: "Import another one instead, and remove this."
        }
      if root.certificate.notBefore > notice.now {
        return .fail(
          "root “\(root.name)”", "It is valid only from \(Display.moment(root.certificate.notBefore)) on.",
          "Check this machine's clock.")
      }
      return Self.expiry(
        "root “\(root.name)”", root.certificate.notAfter, notice, advice,
        // One that is not in use does no harm by its end.
        expired: root.state == .inForce ? .fail : .warn)
    }
  }

  private func child(_ component: Component, _ member: CertificateSet.Member, _ notice: EndNotice) -> DoctorCheck {
    Self.expiry(
      "certificate of “\(component.name)”", member.notAfter, notice,
      "Start an update: it gives every component a new certificate.")
  }

  private func console(_ notice: EndNotice) async throws -> [DoctorCheck] {
    let name = "certificate of the console"
    guard let https = try await store.httpsChain(), let leaf = https.chain.first else {
      return [.warn(name, "It has none yet.", "The first start of the server makes one.")]
    }
    if leaf.notBefore > notice.now {
      return [
        .fail(name, "It is valid only from \(Display.moment(leaf.notBefore)) on.", "Check this machine's clock.")
      ]
    }
    let advice =
      switch https.source {
      case .own: "Restart the server: it makes a new one of its own."
      case .trustStore: "Add a new server certificate to the trust store, and choose it in an update."
      case .issued: "Start an update that issues one for the console."
      }
    return [Self.expiry(name, leaf.notAfter, notice, advice)]
  }

  private static func expiry(
    _ name: String, _ notAfter: Date, _ notice: EndNotice, _ advice: String,
    expired: DoctorCheck.State = .fail
  ) -> DoctorCheck {
    let days = notice.days(until: notAfter)
    if notAfter <= notice.now {
      return DoctorCheck(
        name: name, state: expired, sentence: "It ended on \(Display.moment(notAfter)).", advice: advice)
    }
    let sentence = "It ends in \(Display.count(days, "day")), on \(Display.day(notAfter))."
    return days < notice.limit ? .warn(name, sentence, advice) : .ok(name, sentence)
  }

  /// That everything ended at once is more likely the clock's fault.
  private func allExpired(_ set: CertificateSet?, _ now: Date) async throws -> DoctorCheck? {
    var ends = set?.members.values.map(\.notAfter) ?? []
    if let leaf = try await store.httpsChain()?.chain.first { ends.append(leaf.notAfter) }
    guard ends.count > 1, ends.allSatisfy({ $0 <= now }) else { return nil }
    return .warn(
      "clock and certificates", "All \(ends.count) certificates ended before \(Display.moment(now)).",
      "If they should not have, the clock is ahead: set it. Otherwise start an update.")
  }

  // MARK: Room

  /// One check for each file system of this machine that components have files on.
  private func spaces(_ components: [Component]) -> [DoctorCheck] {
    var seen: Set<UInt64> = []
    return components.filter { $0.target.ssh == nil }.flatMap { component in
      ComponentDoctor.folders(component).compactMap { folder -> DoctorCheck? in
        // A folder that is not there is the target's matter.
        guard let space = surroundings.freeBytes(folder), seen.insert(space.device).inserted else { return nil }
        return SpaceDoctor.check("space of targets", folder, space, wanted: 16 << 20, needed: 1 << 20)
      }
    }
  }
}
