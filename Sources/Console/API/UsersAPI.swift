import HTTP
import Rotation
import Store

extension APITable {
  /// The users: list, add, change, remove, links to choose a password, second factors.
  mutating func addUsers() {
    let tag = "Users"
    let user = Shape<UserDesk.Standing>.user
    on(
      .get, "/users", tag,
      .init(
        id: "listUsers", summary: "List the users", access: .administrator(to: "see the users"),
        parameters: APIParameter.paging, result: .json(user.list, "The users, by name.")
      ) { call in call.list(try await UserDesk.all(call.store), .user) })
    on(
      .post, "/users", tag,
      .init(
        id: "addUser", summary: "Add a user",
        text: "Answers with a link with which the user chooses a password. It is shown once: where the request is "
          + "repeated with the same key, `link` is null.", access: .administrator(to: "add a user"),
        body: .json(UsersAPI.given),
        result: .json(UsersAPI.linked, "The user, and the link.", status: 201).located, problems: [409],
        isRepeatable: true, shownOnce: "link"
      ) { call in
        let own = try await OwnAddress.of(call.request, call.services)
        let (added, link) = try await UsersAPI.atMembers { try await UserDesk.add(UsersAPI.form(call), call.visit) }
        return .json(
          try await UsersAPI.json(added, link, at: own, call), location: "\(APIPath.root)/users/\(added.id)")
      })
    on(
      .get, "/users/:id", tag,
      .init(
        id: "readUser", summary: "Read a user", access: .administrator(to: "see the users"),
        result: .json(user.schema, "The user.").tagged
      ) { call in .json(Shape.user.json(try await UsersAPI.standing(call))) })
    on(
      .put, "/users/:id", tag,
      .init(
        id: "changeUser", summary: "Give a user another name or another role",
        text: "It holds from the user's next request on.", access: .administrator(to: "change a user"),
        parameters: [.ifMatch], body: .json(UsersAPI.given), result: .json(user.schema, "The user.").tagged,
        problems: [409, 412]
      ) { call in
        let former = try await UsersAPI.standing(call)
        try APIDesk.check(call, isStill: Shape.user.json(former))
        try await UsersAPI.atMembers {
          try await UserDesk.change(
            former.user, UsersAPI.form(call, former: former.user.name), isStill: call.isConditional, call.visit)
        }
        return .json(Shape.user.json(try await UsersAPI.standing(call)))
      })
    on(
      .delete, "/users/:id", tag,
      .init(
        id: "removeUser", summary: "Remove a user", text: "The user is signed out everywhere at once.",
        access: .administrator(to: "remove a user"), parameters: [.reason, .ifMatch], result: .done,
        problems: [409, 412]
      ) { call in
        let former = try await UsersAPI.standing(call)
        try APIDesk.check(call, isStill: Shape.user.json(former))
        try await UserDesk.remove(
          former.user, reason: try ReasonField.checked(call.query["reason"]?.text), isStill: call.isConditional,
          call.visit)
        return .nothing
      })
    addCredentials(tag)
  }

  private mutating func addCredentials(_ tag: String) {
    on(
      .post, "/users/:id/password-links", tag,
      .init(
        id: "makePasswordLink", summary: "Make a link to choose another password",
        text: "The present password stops working at once, and the user's tokens end. The link is shown once.",
        access: .administrator(to: "make a password link"),
        result: .json(UsersAPI.linked, "The user, and the link.", status: 201), problems: [409], isRepeatable: true,
        shownOnce: "link"
      ) { call in
        let user = try await UsersAPI.standing(call).user
        let own = try await OwnAddress.of(call.request, call.services)
        return .json(try await UsersAPI.json(user, try await UserDesk.makeLink(user, call.visit), at: own, call))
      })
    on(
      .delete, "/users/:id/second-factor", tag,
      .init(
        id: "removeSecondFactor", summary: "Take a user's second factor away",
        text: "The password alone lets in then. The user is signed out everywhere.",
        access: .administrator(to: "take a second factor away"), result: .done, problems: [409]
      ) { call in
        try await UserDesk.removeSecondFactor(try await UsersAPI.standing(call).user, call.visit)
        return .nothing
      })
  }
}

enum UsersAPI {
  static let given = Schema.object(
    .must("name", .string(1...200), "What is signed in with, 1 to 64 characters in one alphabet."),
    .must("role", .oneOf(Role.allCases.map(\.rawValue)), "What the user may do."))

  static let linked = Schema.object(
    .must("user", Shape<UserDesk.Standing>.user.schema, "The user."),
    .must(
      "link",
      Schema.object(
        .must("address", .string, "The whole address, for the user alone: whoever opens it chooses the password."),
        .must("path", .string, "The same without the host."), .must("expiresAt", .moment, "Until when it is good.")
      ).orNull, "With which the user chooses a password; null where the request was repeated."))

  static func standing(_ call: APICall) async throws -> UserDesk.Standing {
    try await UserDesk.standing(try call.id("user"), call.store)
  }

  static func form(_ call: APICall, former: String? = nil) -> UserForm {
    var form = UserForm(name: call.body["name"]?.text ?? "", role: call.body["role"]?.text ?? "")
    form.former = former
    return form
  }

  static func json(
    _ user: UserRecord, _ link: UserDesk.Link, at own: String, _ call: APICall
  ) async throws -> JSONValue {
    [
      "user": Shape.user.json(try await UserDesk.standing(user.id, call.store)),
      "link": [
        "address": .string(link.address(at: own)), "path": .string(link.path),
        "expiresAt": .moment(link.expiresAt),
      ],
    ]
  }

  /// What is wrong, by the members of the body in place of the fields of the form.
  static func atMembers<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let refusal as InputRefusal {
      throw refusal.atMembers
    }
  }
}

extension Shape where Value == UserDesk.Standing {
  /// A user.
  static var user: Shape<UserDesk.Standing> {
    Shape(
      "User", "Somebody who may sign in.",
      [
        Member("id", .identifier, "Its number.") { .integer($0.user.id.rawValue) },
        Member("name", .string, "What is signed in with.") { .string($0.user.name) },
        Member("role", .oneOf(Role.allCases.map(\.rawValue)), "What the user may do.") {
          .string($0.user.role.rawValue)
        },
        Member("addedAt", .moment, "Since when the user is there.") { .moment($0.user.addedAt) },
        Member("signedInAt", Schema.moment.orNull, "When the user last signed in.") { .moment($0.user.signedInAt) },
        Member("hasPassword", .boolean, "Whether a password has been chosen.") { .bool($0.user.hasPassword) },
        Member("hasSecondFactor", .boolean, "Whether a second factor is on.") { .bool($0.hasSecondFactor) },
        Member("linkExpiresAt", Schema.moment.orNull, "Until when the link is good that was not used yet.") {
          .moment($0.link)
        },
      ])
  }
}
