/// What the audit log has entries of. The raw value is a stable code: it stands in the database, in exports and in what is
/// sent to syslog, and is never given to anything else.
public enum AuditEvent: String, Sendable, Hashable, CaseIterable {
  // MARK: Sign-in and users
  case signedIn = "sign-in"
  case signInFailed = "sign-in.failed"
  case signInRefused = "sign-in.refused"
  case signedOut = "sign-out"
  case sessionEnded = "session.ended"
  case accessRefused = "access.refused"
  case firstAdministratorMade = "user.first"
  case userAdded = "user.added"
  case userChanged = "user.changed"
  case userRoleChanged = "user.role"
  case userRemoved = "user.removed"
  case userLinkMade = "user.link"
  case userLinkUsed = "user.link-used"
  case passwordChanged = "user.password"
  case secondFactorAdded = "user.second-factor"
  case secondFactorRemoved = "user.second-factor-removed"
  case recoveryCodesMade = "user.recovery-codes"
  case tokenMade = "token.made"
  case tokenRemoved = "token.removed"

  // MARK: Certificates
  case rootUploaded = "root.uploaded"
  case rootRefused = "root.refused"
  case rootImported = "root.imported"
  case rootRemoved = "root.removed"
  case rootPINChanged = "root.pin"
  case authoritiesAdded = "authority.added"
  case authorityRemoved = "authority.removed"
  case serverCertificateAdded = "server-certificate.added"
  case serverCertificateRemoved = "server-certificate.removed"

  // MARK: Components
  case componentAdded = "component.added"
  case componentChanged = "component.changed"
  case componentRemoved = "component.removed"
  case componentsImported = "components.imported"
  case componentsExported = "components.exported"
  case connectionTested = "component.tested"
  case searchBegun = "search.begun"
  case endpointDiffers = "endpoint.differs"
  case endpointRight = "endpoint.right"

  // MARK: Updates
  case planMade = "plan.made"
  case agreementAsked = "agreement.asked"
  case agreementGiven = "agreement.given"
  case agreementDeclined = "agreement.declined"
  case updateStarted = "update.started"
  case renewalHeld = "renewal.held"
  case updateDecided = "update.decided"
  case updateFailed = "update.failed"
  case updateInterrupted = "update.interrupted"
  case updateHalted = "update.halted"
  case updateEnded = "update.ended"

  // MARK: The console itself
  case settingChanged = "setting.changed"
  case httpsChanged = "https.changed"
  case consoleStarted = "console.started"
  case consoleStopped = "console.stopped"
  case masterKeyRotated = "master-key.rotated"
  case backupMade = "backup.made"
  case backupRestored = "backup.restored"
  case restorationConfirmed = "backup.restored-seen"
  case auditExported = "audit.exported"
  case auditBroken = "audit.broken"
  case demoFault = "demo.fault"

  /// What happened, in words for a page.
  public var title: String {
    switch self {
    case .signedIn: "Signed in"
    case .signInFailed: "Sign-in failed"
    case .signInRefused: "Sign-in refused without a look"
    case .signedOut: "Signed out"
    case .sessionEnded: "Session ended"
    case .accessRefused: "Access refused"
    case .firstAdministratorMade: "First administrator made"
    case .userAdded: "User added"
    case .userChanged: "User changed"
    case .userRoleChanged: "Role changed"
    case .userRemoved: "User removed"
    case .userLinkMade: "One-time link made"
    case .userLinkUsed: "One-time link used"
    case .passwordChanged: "Password changed"
    case .secondFactorAdded: "Second factor turned on"
    case .secondFactorRemoved: "Second factor taken away"
    case .recoveryCodesMade: "Recovery codes made"
    case .tokenMade: "Token made"
    case .tokenRemoved: "Token ended"
    case .rootUploaded: "Root certificate uploaded"
    case .rootRefused: "Root certificate refused"
    case .rootImported: "Root certificate imported"
    case .rootRemoved: "Root certificate removed"
    case .rootPINChanged: "PIN of a hardware module changed"
    case .authoritiesAdded: "Authorities added"
    case .authorityRemoved: "Authority removed"
    case .serverCertificateAdded: "Server certificate added"
    case .serverCertificateRemoved: "Server certificate removed"
    case .componentAdded: "Component added"
    case .componentChanged: "Component changed"
    case .componentRemoved: "Component removed"
    case .componentsImported: "Components imported"
    case .componentsExported: "Components exported"
    case .connectionTested: "Connection tested"
    case .searchBegun: "Search for components begun"
    case .endpointDiffers: "Endpoint found not as deployed"
    case .endpointRight: "Endpoint found as deployed again"
    case .planMade: "Plan made"
    case .agreementAsked: "Agreement asked for"
    case .agreementGiven: "Agreed"
    case .agreementDeclined: "Declined"
    case .updateStarted: "Update started"
    case .renewalHeld: "Renewal not started"
    case .updateDecided: "Decided"
    case .updateFailed: "Update waits for a decision"
    case .updateInterrupted: "Update found interrupted"
    case .updateHalted: "Update halted"
    case .updateEnded: "Update ended"
    case .settingChanged: "Setting changed"
    case .httpsChanged: "Console’s certificate exchanged"
    case .consoleStarted: "Reroot started"
    case .consoleStopped: "Reroot stopped"
    case .masterKeyRotated: "Master key rotated"
    case .backupMade: "Backup made"
    case .backupRestored: "Restored from a backup"
    case .restorationConfirmed: "Confirmed what differs after a restore"
    case .auditExported: "Audit log exported"
    case .auditBroken: "Audit log found tampered with"
    case .demoFault: "Fault of the demonstration set"
    }
  }

  /// Whether somebody who looks for trouble should see it at once.
  public var isWarning: Bool {
    switch self {
    case .signInFailed, .signInRefused, .accessRefused, .rootRefused, .agreementDeclined, .updateFailed,
      .updateInterrupted, .auditBroken, .endpointDiffers:
      true
    default: false
    }
  }
}

/// What kinds of events there are, for looking at one alone.
public enum AuditTopic: String, Sendable, Hashable, CaseIterable {
  case users, certificates, components, updates, console

  /// What the page calls it.
  public var title: String {
    switch self {
    case .users: "Sign-in and users"
    case .certificates: "Certificates"
    case .components: "Components"
    case .updates: "Plans and updates"
    case .console: "Reroot itself"
    }
  }

  /// Its events.
  public var events: [AuditEvent] { AuditEvent.allCases.filter { $0.topic == self } }
}

extension AuditEvent {
  /// The kind that it is of.
  public var topic: AuditTopic {
    switch self {
    case .signedIn, .signInFailed, .signInRefused, .signedOut, .sessionEnded, .accessRefused, .firstAdministratorMade,
      .userAdded, .userChanged, .userRoleChanged, .userRemoved, .userLinkMade, .userLinkUsed, .passwordChanged,
      .secondFactorAdded, .secondFactorRemoved, .recoveryCodesMade, .tokenMade, .tokenRemoved:
      .users
    case .rootUploaded, .rootRefused, .rootImported, .rootRemoved, .rootPINChanged, .authoritiesAdded,
      .authorityRemoved,
      .serverCertificateAdded, .serverCertificateRemoved:
      .certificates
    case .componentAdded, .componentChanged, .componentRemoved, .componentsImported, .componentsExported,
      .connectionTested, .searchBegun, .endpointDiffers, .endpointRight:
      .components
    case .planMade, .agreementAsked, .agreementGiven, .agreementDeclined, .updateStarted, .renewalHeld, .updateDecided,
      .updateFailed, .updateInterrupted, .updateHalted, .updateEnded:
      .updates
    case .settingChanged, .httpsChanged, .consoleStarted, .consoleStopped, .masterKeyRotated, .backupMade,
      .backupRestored, .restorationConfirmed,
      .auditExported, .auditBroken, .demoFault:
      .console
    }
  }
}
