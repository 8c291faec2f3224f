import Delivery
import Foundation
import Logging
import PKI
import Rotation
import Store

/// Tells people and programs outside what they should know: what is to be told waits in the store until somebody has taken
/// it, and nothing waits for that.
actor NotificationDesk {
  private let store: Store
  private let https: HTTPSKeeper
  private let clock: @Sendable () -> Date
  private let programs: SendingPrograms
  private let logger: Logger
  private let wakes: AsyncStream<Void>
  private let waker: AsyncStream<Void>.Continuation
  private var task: Task<Void, Never>?
  private var timer: Task<Void, Never>?
  private var isWorking = false
  /// The last entry of the audit log that this process has looked at.
  private var followed: Int64?
  private var looked: Date?

  /// The first pause, in seconds; each is three times as long as the one before.
  private static let firstPause: TimeInterval = 10
  static let longestPause: TimeInterval = 6 * 3600
  /// For how long the rest of a channel waits at most when one could not be sent, in seconds: the receiver may hang at that
  /// one alone.
  static let longestChannelPause: TimeInterval = 300
  /// For how long one is tried, in seconds.
  static let patience: TimeInterval = 3 * 86_400
  /// How often the ends of certificates are looked at, in seconds.
  private static let lookPause: TimeInterval = 3600
  private static let batch = 50

  init(
    store: Store, https: HTTPSKeeper, clock: @escaping @Sendable () -> Date, programs: SendingPrograms, logger: Logger
  ) {
    (self.store, self.https, self.clock, self.programs, self.logger) = (store, https, clock, programs, logger)
    (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  // MARK: Begin and end

  /// Begins to send what waits, to follow what updates do, and to look at the ends of certificates.
  func start() {
    guard task == nil else { return }
    let waker = waker
    store.whenAuditEntriesAreWritten("notifications") { waker.yield() }
    task = Task { for await _ in wakes { await work() } }
    waker.yield()
  }

  /// Sends nothing any more; what waits is sent after the next start.
  func stop() async {
    store.whenAuditEntriesAreWritten("notifications", nil)
    waker.finish()
    timer?.cancel()
    task?.cancel()
    await task?.value
  }

  /// Puts a notification into the queue of each channel that is on. Waits for the store, never for the network.
  func notify(_ message: NotificationMessage) async {
    do {
      try await store.queue(message, on: try await NotificationSettings.read(store).channels(for: message.kind))
      waker.yield()
    } catch {
      logger.error("notification not queued", metadata: ["subject": "\(message.subject)", "reason": "\(error)"])
    }
  }

  /// Begins to follow the audit log here: what was before a channel was switched on is no news.
  func follow(from number: Int64) async throws {
    followed = number
    try await store.queue([], followingAuditTo: number)
  }

  /// Looks at everything at once.
  func settingsChanged() {
    looked = nil
    waker.yield()
  }

  /// Does what is to be done now. One at a time: a request that hangs is waited for, and nothing is sent twice.
  func work() async {
    guard !isWorking else { return }
    isWorking = true
    defer { isWorking = false }
    do {
      let settings = try await NotificationSettings.read(store)
      if !settings.channels.isEmpty {
        try await followAudit(settings)
        try await lookAtEnds(settings)
      }
      try await sendDue(settings)
    } catch is CancellationError {
      // The server is being ended; what waits is in the store.
    } catch {
      logger.error("notifications not looked after", metadata: ["reason": "\(error)"])
    }
    await wakeInTime()
  }

  private func wakeInTime() async {
    var pause = Self.lookPause
    if let due = try? await store.nextNotificationDue() { pause = min(pause, due.timeIntervalSince(clock())) }
    let waker = waker
    timer?.cancel()
    timer = Task {
      try? await Task.sleep(for: .seconds(max(1, pause)))
      if !Task.isCancelled { waker.yield() }
    }
  }

  // MARK: What there is to tell

  private func followAudit(_ settings: NotificationSettings) async throws {
    if followed == nil { followed = try await store.lastFollowedAuditNumber() }
    guard var last = followed else { return try await follow(from: try await store.lastAuditNumber()) }
    while true {
      let entries = try await store.auditEntries(after: last, limit: 200)
      guard let newest = entries.last?.number else { return }
      let found = entries.compactMap(NotificationWords.message)
        .map { (message: $0, channels: settings.channels(for: $0.kind)) }.filter { !$0.channels.isEmpty }
      // Most entries are worth none, and not worth a write either: they are looked at again after a restart.
      if !found.isEmpty { try await store.queue(found, followingAuditTo: newest) }
      (last, followed) = (newest, newest)
    }
  }

  private func lookAtEnds(_ settings: NotificationSettings) async throws {
    let now = clock()
    if let looked, (0..<Self.lookPause).contains(now.timeIntervalSince(looked)) { return }
    let days = Int(try await SettingsDesk.value(.expiryDays, store)) ?? 30
    let renewal = try await RenewalLateness.read(store)
    for end in try await CertificateEnd.all(store, console: https.current.chain.first) {
      guard let message = end.message(now: now, days: days, renewal: renewal) else { continue }
      try await store.queue(message, on: settings.channels(for: message.kind))
    }
    try await store.forgetOldNotifications()
    looked = now
  }

  // MARK: Telling it

  private func sendDue(_ settings: NotificationSettings) async throws {
    let due = try await store.dueNotifications(limit: Self.batch, longest: Self.longestPause)
    // Each channel by itself: a receiver that hangs keeps no message from a mailbox.
    await withTaskGroup(of: Void.self) { group in
      for channel in NotificationChannel.allCases {
        let waiting = due.filter { $0.channel == channel }
        group.addTask { await self.send(waiting, settings) }
      }
    }
    if due.count == Self.batch { waker.yield() }
  }

  private func send(_ waiting: [NotificationRecord], _ settings: NotificationSettings) async {
    for record in waiting where !Task.isCancelled {
      guard await send(record, settings, again: true) else { return }
    }
  }

  /// - Returns: whether the channel is worth another attempt now.
  private func send(_ record: NotificationRecord, _ settings: NotificationSettings, again: Bool) async -> Bool {
    do {
      guard try await isWanted(record, settings) else {
        try await store.notificationFailed(record.id, nil, again: nil)
        return true
      }
      do {
        try await deliver(record, settings)
        try await store.notificationSent(record.id)
        return true
      } catch let failure as SendingFailure {
        let due = again ? self.due(record) : nil
        logger.warning(
          "notification not sent",
          metadata: [
            "channel": "\(record.channel.rawValue)", "subject": "\(record.notification.subject)",
            "reason": "\(failure.sentence)", "again": due == nil ? "no" : "yes",
          ])
        let rest = clock().addingTimeInterval(Self.longestChannelPause)
        try await store.notificationFailed(
          record.id, failure.sentence, again: due, others: failure.isOfMessage ? nil : due.map { min($0, rest) })
        return failure.isOfMessage
      }
    } catch {
      logger.error("notification not sent", metadata: ["reason": "\(error)"])
      return false
    }
  }

  /// Whether it is still worth telling: over a way that is on, and no question that was answered meanwhile.
  private func isWanted(_ record: NotificationRecord, _ settings: NotificationSettings) async throws -> Bool {
    guard settings.channels.contains(record.channel) else { return false }
    guard record.notification.kind == .failureWaiting, let update = record.notification.update else { return true }
    return try await store.state(update).standing == .deciding
  }

  /// When one that has failed is tried again; nil once it is not worth it.
  private func due(_ record: NotificationRecord) -> Date? {
    let now = clock()
    guard abs(now.timeIntervalSince(record.madeAt)) < Self.patience else { return nil }
    let pause = Self.firstPause * pow(3, Double(min(record.attempts, 10)))
    return now.addingTimeInterval(min(Self.longestPause, pause))
  }

  private func deliver(_ record: NotificationRecord, _ settings: NotificationSettings) async throws {
    let trusted = try await store.authorities().map(\.certificate)
    let message = NotificationWords(record, console: settings.value(.consoleAddress))
    switch record.channel {
    case .webhook:
      guard let key = try await store.secret(NotificationSettings.webhookSecret.key).flatMap(Webhook.key) else {
        throw SendingFailure("The secret of the webhook is missing. Set it among the settings of the notifications.")
      }
      let webhook = Webhook(
        to: settings.value(.webhookAddress), id: record.messageID, at: clock(), body: try message.json())
      try await webhook.send(key: key, trusting: trusted, by: programs)
    case .email:
      let server = settings.value(.smtpServer)
      let route =
        server.isEmpty
        ? Mail.Route.sendmail
        : .server(
          NotificationSettings.server(server), user: settings.value(.smtpUser),
          password: try await store.secret(NotificationSettings.smtpPassword.key))
      let mail = Mail(
        from: settings.sender, to: settings.recipients, subject: message.subject, text: message.text,
        date: record.madeAt, id: record.messageID)
      try await mail.send(by: route, trusting: trusted, by: programs)
    }
  }

  // MARK: A test

  /// Sends a test over a channel, once, and waits for what comes of it.
  ///
  /// - Throws: ``PageError`` while the channel is off.
  func test(_ channel: NotificationChannel, by name: String) async throws -> NotificationRecord {
    let settings = try await NotificationSettings.read(store)
    guard settings.channels.contains(channel) else {
      throw PageError(
        409, "Nothing is sent over \(channel.label) yet. Say where to and save it first.", code: "CHANNEL_OFF",
        back: (label: "Back to the notifications", href: NotificationPages.path))
    }
    let message = NotificationMessage(
      .test, subject: "Reroot: a test", text: "\(name) wants to see whether this arrives. Nothing has to be done.",
      path: NotificationPages.path, key: "test:\(UUID().uuidString)")
    guard let id = try await store.queue(message, on: [channel], isHeld: true).first else {
      throw PageError(500, "The test was not queued.")
    }
    _ = await send(try await store.notification(id), settings, again: false)
    return try await store.notification(id)
  }
}

extension NotificationChannel {
  /// What people call it.
  var label: String {
    switch self {
    case .webhook: "the webhook"
    case .email: "e-mail"
    }
  }
}
