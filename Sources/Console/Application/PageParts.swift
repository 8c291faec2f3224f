/// The models of the partials that pages are put together from, one function each; the partial's head says what its fields
/// mean.
public enum Part {
  /// `partials/header`: the head of a page.
  public static func header(
    _ title: String, breadcrumbs: [(label: String, href: String)] = [], lead: String? = nil,
    action: (label: String, href: String)? = nil, more: [(label: String, href: String)] = [],
    status: PageModel? = nil
  ) -> PageModel {
    var model: PageModel = [
      "title": title, "hasBreadcrumbs": !breadcrumbs.isEmpty, "breadcrumbs": breadcrumbs.map(link),
      "more": more.map(link),
    ]
    model["lead"] = lead
    model["action"] = action.map(link)
    model["status"] = status
    return model
  }

  /// A label and where it leads.
  public static func link(_ label: String, _ href: String) -> PageModel { ["label": label, "href": href] }

  /// `partials/status`: a state in words, colour and shape; the tone is ok, busy, wait, warn, error or off.
  public static func status(_ tone: String, _ label: String, title: String? = nil) -> PageModel {
    var model: PageModel = ["tone": tone, "label": label]
    model["title"] = title
    return model
  }

  /// `partials/banner`: a message across the page; the tone is note, ok, warn or error.
  public static func banner(
    _ tone: String, _ title: String, text: String? = nil, items: [PageModel] = [], role: String? = nil
  ) -> PageModel {
    var model: PageModel = ["tone": tone, "title": title, "hasItems": !items.isEmpty, "items": items]
    model["text"] = text
    model["role"] = role
    return model
  }

  /// The banner over a form with errors: each leads to its field.
  public static func errors(_ problems: [(field: String, sentence: String)]) -> PageModel {
    banner(
      "error", problems.count == 1 ? "One value cannot be used" : "\(problems.count) values cannot be used",
      items: problems.map { ["text": $0.sentence, "href": "#\($0.field)"] }, role: "alert")
  }

  /// `partials/definitions`: terms and what they are.
  public static func definitions(_ rows: [PageModel?]) -> PageModel { ["rows": rows.compactMap { $0 }] }

  /// A row of definitions with text, or with `code` in monospaced type.
  public static func row(
    _ term: String, _ text: String? = nil, code: String? = nil, lines: [String]? = nil,
    codeLines: [String]? = nil, status: PageModel? = nil, href: String? = nil, note: String? = nil
  ) -> PageModel {
    var model: PageModel = ["term": term]
    model["codeLines"] = codeLines
    model["text"] = text
    model["code"] = code
    model["lines"] = lines
    model["status"] = status
    model["href"] = href
    model["note"] = note
    return model
  }

  /// A row of definitions with a fingerprint, hexadecimal bytes with colons between them: it breaks after every second
  /// colon, and nowhere else.
  public static func row(_ term: String, fingerprint: String) -> PageModel {
    let bytes = fingerprint.split(separator: ":")
    let pieces = stride(from: 0, to: bytes.count, by: 2).map { start in
      bytes[start..<min(start + 2, bytes.count)].joined(separator: ":") + (start + 2 < bytes.count ? ":" : "")
    }
    return ["term": term, "hasPieces": true, "pieces": pieces]
  }

  /// `partials/table`: a list of things; every row gives its cells in the order of the columns.
  public static func table(
    _ caption: String, columns: [String], rows: [(cells: [PageModel], menu: PageModel?)]
  ) -> PageModel {
    [
      "caption": caption, "columns": columns.map { ["label": $0] as PageModel },
      "hasMenus": rows.contains { $0.menu != nil },
      "rows": rows.map { row in
        var model: PageModel = [
          "cells": zip(columns, row.cells).map { label, cell in cell.merging(["label": label]) { own, _ in own } }
        ]
        model["menu"] = row.menu
        return model
      },
    ]
  }

  /// A cell of a table; a whole one is kept on one line.
  public static func cell(
    _ text: String? = nil, code: String? = nil, href: String? = nil, status: PageModel? = nil, note: String? = nil,
    isHeading: Bool = false, isWhole: Bool = false
  ) -> PageModel {
    var model: PageModel = ["isHeading": isHeading, "isWhole": isWhole]
    model["text"] = text
    model["code"] = code
    model["href"] = href
    model["status"] = status
    model["note"] = note
    return model
  }

  /// `partials/menu`: the actions of a row.
  public static func menu(_ thing: String, links: [(label: String, href: String)]) -> PageModel {
    ["label": "Actions for \(thing)", "links": links.map(link)]
  }

  /// `partials/empty`: what stands where a list has no entries yet.
  public static func empty(_ title: String, _ text: String, action: (label: String, href: String)? = nil) -> PageModel {
    var model: PageModel = ["title": title, "text": text]
    model["action"] = action.map(link)
    return model
  }

  /// `partials/buttons`: the end of a form.
  public static func buttons(_ label: String, isDanger: Bool = false, cancel: String? = nil) -> PageModel {
    var model: PageModel = ["label": label, "isDanger": isDanger]
    model["cancel"] = cancel.map { link("Cancel", $0) }
    return model
  }

  private static func link(_ pair: (label: String, href: String)) -> PageModel { link(pair.label, pair.href) }
}
