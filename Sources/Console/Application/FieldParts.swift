/// The models of the partials of a form's fields.
public struct FieldPart: Sendable {
  private var model: PageModel

  /// `partials/field`: a labelled input; the type is text, number, password or file.
  public static func input(
    _ name: String, _ label: String, type: String = "text", value: String? = nil, hint: String? = nil,
    error: String? = nil, width: String = "medium"
  ) -> FieldPart {
    var part = FieldPart(name, label, hint: hint, error: error, width: width)
    part.model["isInput"] = true
    part.model["type"] = type
    // An empty value would be drawn as an attribute all the same.
    if let value, !value.isEmpty { part.model["value"] = value }
    return part
  }

  /// `partials/textarea`: a field of several lines.
  public static func text(
    _ name: String, _ label: String, value: String, rows: Int = 4, hint: String? = nil, error: String? = nil,
    isCode: Bool = false
  ) -> FieldPart {
    var part = FieldPart(name, label, hint: hint, error: error, width: "full")
    part.model["isText"] = true
    part.model["value"] = value
    part.model["rows"] = String(rows)
    part.model["isCode"] = isCode
    return part
  }

  /// `partials/select`: a choice from a list.
  public static func select(
    _ name: String, _ label: String, options: [(value: String, label: String)], chosen: String, hint: String? = nil,
    error: String? = nil
  ) -> FieldPart {
    var part = FieldPart(name, label, hint: hint, error: error, width: "medium")
    part.model["isSelect"] = true
    part.model["options"] = options.map { option in
      ["value": option.value, "label": option.label, "isSelected": option.value == chosen] as PageModel
    }
    return part
  }

  /// `partials/radios`: a choice of one among few.
  public static func radios(
    _ name: String, _ label: String, choices: [(value: String, label: String, hint: String?)], chosen: String,
    hint: String? = nil, error: String? = nil
  ) -> FieldPart {
    var part = FieldPart(name, label, hint: hint, error: error, width: "medium")
    part.model["isRadios"] = true
    part.model["choices"] = choices.enumerated().map { index, choice in
      var model: PageModel = [
        "value": choice.value, "label": choice.label, "isChosen": choice.value == chosen,
        "id": index == 0 ? name : "\(name)-\(index + 1)",
      ]
      model["hint"] = choice.hint
      return model
    }
    return part
  }

  /// `partials/checks`: a choice of any among few.
  public static func checks(
    _ name: String, _ label: String, choices: [(value: String, label: String)], chosen: Set<String>,
    hint: String? = nil, error: String? = nil
  ) -> FieldPart {
    var part = FieldPart(name, label, hint: hint, error: error, width: "medium")
    part.model["isChecks"] = true
    part.model["choices"] = choices.enumerated().map { index, choice in
      [
        "value": choice.value, "label": choice.label, "isChosen": chosen.contains(choice.value),
        "id": index == 0 ? name : "\(name)-\(index + 1)",
      ] as PageModel
    }
    return part
  }

  /// The same radios with a list that belongs to one of the choices; nil adds none.
  public func with(_ list: FieldPart?, under value: String) -> FieldPart {
    guard let list, let choices = model["choices"] as? [PageModel] else { return self }
    return with(
      "choices",
      choices.map { choice in
        guard choice["value"] as? String == value else { return choice }
        return choice.merging(["select": list.model]) { own, _ in own }
      })
  }

  /// The same with more attributes of the input: min, max, accept, autocomplete, inputmode, maxlength.
  public func attributes(_ attributes: [String: String]) -> FieldPart { with("attributes", attributes as PageModel) }

  /// The same, but must be filled in.
  public var required: FieldPart { with("isRequired", true) }

  /// The same, marked as optional.
  public var optional: FieldPart { with("isOptional", true) }

  /// The same with a line under it.
  public func note(_ text: String?) -> FieldPart { text.map { with("note", $0) } ?? self }

  /// The model for the template.
  public var fields: PageModel { model }

  private init(_ name: String, _ label: String, hint: String?, error: String?, width: String) {
    model = ["name": name, "label": label, "width": width]
    model["hint"] = hint
    model["error"] = error
  }

  private func with(_ key: String, _ value: any Sendable) -> FieldPart {
    var copy = self
    copy.model[key] = value
    return copy
  }
}
