import HTTP
import PKI
import Rotation
import Store

/// The page of a request for an agreement: what is asked, how it stands, and the answers for whoever may give them.
enum AgreementPages {
  static func show(
    _ agreement: Agreement, _ about: AgreementAbout, _ problem: SessionPages.Problem?, _ visit: Visit
  ) throws -> Response {
    let own = try visit.signedIn().user == agreement.asker
    let mayAnswer = agreement.standing == .waiting && !own && visit.may(agreement.subject.role)
    var model: PageModel = [
      "section": agreement.subject == .switchOff ? "/settings" : "/updates",
      "header": Part.header(
        "Agreement to \(about.act)", breadcrumbs: [crumb(agreement.subject)],
        lead: lead(agreement, own: own, mayAnswer: mayAnswer),
        status: agreement.standing.status),
      "facts": facts(agreement),
      "answersPath": "\(AgreementRoutes.path(agreement.id))/answers",
      "hash": agreement.subject.hash,
      "mayAnswer": mayAnswer,
      "mayWithdraw": own && agreement.standing.isOpen,
      "withdrawalPath": "\(AgreementRoutes.path(agreement.id))/withdrawal",
      "reason": FieldPart.text(
        "reason", "Why not", value: "", rows: 3, hint: "\(VisibleText.of(agreement.askerName)) sees it.",
        error: problem?.sentence
      ).attributes(["maxlength": "\(Agreement.longestReason)"]).fields,
      "agreeLabel": agreeLabel(agreement.subject),
    ]
    model["reading"] = about.reading.map { Part.link($0.label, $0.href) }
    if case .start(let plan, _) = agreement.subject, own, agreement.standing == .agreed {
      model["start"] =
        [
          "plan": "\(plan)", "acceptsProblems": agreement.acceptsProblems,
          "acceptsNamesake": agreement.acceptsNamesake,
        ] as PageModel
    }
    if let problem { model["banner"] = Part.errors([problem]) }
    return try visit.page("agreements/show", model, status: problem == nil ? 200 : 422)
  }

  private static func crumb(_ subject: Agreement.Subject) -> (label: String, href: String) {
    subject == .switchOff ? ("Settings", "/settings") : ("Updates", "/updates")
  }

  private static func agreeLabel(_ subject: Agreement.Subject) -> String {
    switch subject {
    case .start: "Agree"
    case .abort: "Agree, and abort now"
    case .switchOff: "Agree, and switch it off now"
    }
  }

  private static func lead(_ agreement: Agreement, own: Bool, mayAnswer: Bool) -> String {
    let asker = VisibleText.of(agreement.askerName)
    switch agreement.standing {
    case .waiting where own:
      return "You have asked. \(people(agreement.subject).capitalizedFirst) has to agree; you cannot do so yourself."
    case .waiting where mayAnswer: return "\(asker) asks you. Read what would happen before you answer."
    case .waiting: return "\(asker) has asked. \(people(agreement.subject).capitalizedFirst) has to answer."
    case .agreed where own: return "Somebody else has agreed to exactly this plan. You may start it now."
    case .agreed: return "It is agreed. \(asker) may start it."
    case .declined: return "It was declined. Nothing was changed."
    case .expired: return "Nobody has made use of it in time. Ask again."
    case .void:
      return "What it was about has changed, or one of the two may not do it any more. Nothing comes of it; ask again."
    case .withdrawn: return "\(asker) has taken it back."
    case .used: return "It was agreed, and done."
    }
  }

  private static func people(_ subject: Agreement.Subject) -> String {
    subject.role == .administrator ? "another administrator" : "another operator or administrator"
  }

  private static func facts(_ agreement: Agreement) -> PageModel {
    let answered = agreement.answeredAt.map { Display.moment($0) } ?? ""
    return Part.definitions([
      Part.row("Asked by", VisibleText.of(agreement.askerName), note: Display.moment(agreement.askedAt)),
      agreement.answererName.map { Part.row("Answered by", VisibleText.of($0), note: answered) },
      agreement.reason.isEmpty ? nil : Part.row("Reason", VisibleText.of(agreement.reason)),
      agreement.standing.isOpen ? Part.row("Good until", Display.moment(agreement.expiresAt)) : nil,
      agreement.subject.hash.isEmpty
        ? nil
        : Part.row(
          "Plan’s SHA-256", code: agreement.subject.hash,
          note: "The agreement is to the plan with this content, and no other"
        ),
    ])
  }
}

extension Agreement.Standing {
  /// How it stands, for `partials/status`.
  var status: PageModel {
    switch self {
    case .waiting: Part.status("wait", "Waits for an answer")
    case .agreed: Part.status("ok", "Agreed")
    case .declined: Part.status("error", "Declined")
    case .expired: Part.status("off", "Expired")
    case .void: Part.status("off", "Void")
    case .withdrawn: Part.status("off", "Taken back")
    case .used: Part.status("ok", "Agreed and done")
    }
  }
}

extension String {
  /// The same with its first letter in upper case, for the beginning of a sentence.
  fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
