import HTTP

/// The forms with a file, to which a file that is too large leads back.
enum UploadForms {
  /// The form of the path with the sentence on it; nil when the path has none.
  static func refused(_ problem: RequestProblem, _ head: RequestHead, _ visit: Visit) throws -> Response? {
    switch head.path {
    case "/roots/import":
      return try RootImportPages.form(visit, .init(sentence: problem.sentence, status: problem.status))
    case "/roots/module":
      return try ModuleRootForm.page(ModuleRootForm(problems: [("file", problem.sentence)]), visit)
    case "/components/import":
      let found = YAMLProblem(line: nil, sentence: problem.sentence)
      return try ComponentImport.form(visit, text: "", problems: [found], status: problem.status)
    case "/trust-store/authorities/add":
      return try AuthorityPages.form(visit, pem: "", error: ("file", problem.sentence), status: problem.status)
    case "/trust-store/certificates/add":
      var form = ServerCertificateForm()
      form.problems = [("file", problem.sentence)]
      form.status = problem.status
      return try ServerCertificatePages.form(visit, form)
    default: return nil
    }
  }
}
