import Foundation
import Glibc
import Testing

@testable import Store

@Suite("What is a store's own") struct StorePlacesTests {
  private func real(_ path: String) -> String { StorePlaces.resolved(path) ?? path }

  @Test("The data folder and everything below it, there or not, and nothing beside it")
  func folder() throws {
    let system = try TestSystem()
    let (folder, base) = (real(system.folder.path), real(system.folder.base))
    #expect(mkdir(folder + "/before-restore-1", 0o700) == 0)
    let names = [
      "reroot.sqlite", "reroot.sqlite-wal", "reroot.lock", "master.key", "nothing", "restore.ready/master.key",
      "restore.part/reroot.sqlite", "before-restore-1/reroot.sqlite",
    ]
    for name in names { #expect(system.store.places.claim(on: folder + "/" + name) != nil, "\(name)") }
    #expect(system.store.places.claim(on: folder)?.contains("data folder") == true)
    for path in [
      base, base + "/data2", base + "/other/data/file", "/", "/etc/passwd", "", "relative", "//", "a//b/", "/\0",
    ] {
      #expect(system.store.places.claim(on: path) == nil, "\(path)")
    }
  }

  @Test("A second name of each file, wherever it is")
  func hardLinks() throws {
    let system = try TestSystem()
    for name in try FileManager.default.contentsOfDirectory(atPath: system.folder.path) {
      let other = real(system.folder.base) + "/other-" + name
      #expect(link(system.folder.path + "/" + name, other) == 0)
      #expect(system.store.places.claim(on: other) != nil, "\(name)")
    }
  }

  @Test("A data folder whose path is a symbolic link")
  func linkedFolder() throws {
    let folder = try TestFolder()
    let base = real(folder.base)
    #expect(mkdir(base + "/elsewhere", 0o700) == 0)
    #expect(symlink(base + "/elsewhere", folder.path) == 0)
    let store = try Store.open(folder: folder.path, masterKeyFile: nil)
    defer { try? store.close() }
    #expect(link(base + "/elsewhere/master.key", base + "/second") == 0)
    #expect(store.places.claim(on: base + "/second") != nil)
    #expect(store.places.claim(on: base + "/elsewhere/anything") != nil)
  }

  @Test("What comes into the folder after a look, or into a folder in it, and a file behind a link that is replaced")
  func later() throws {
    let system = try TestSystem()
    let (folder, base) = (system.folder.path, real(system.folder.base))
    #expect(mkdir(folder + "/kept", 0o700) == 0)
    // As if nothing had come or gone for a while, so that what was found is remembered.
    func settle() {
      for path in [folder, folder + "/kept"] {
        var times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 1), timespec(tv_sec: 1_000_000_000, tv_nsec: 1)]
        #expect(utimensat(AT_FDCWD, path, &times, 0) == 0)
      }
    }
    for name in ["new", "kept/new"] {
      settle()
      #expect(system.store.places.claim(on: "/etc/passwd") == nil)
      try Data("new".utf8).write(to: URL(fileURLWithPath: folder + "/" + name))
      let other = base + "/other-" + String(name.count)
      #expect(link(folder + "/" + name, other) == 0)
      #expect(system.store.places.claim(on: other) != nil, "\(name)")
    }
    #expect(symlink(base + "/big", folder + "/large") == 0)
    settle()
    #expect(system.store.places.claim(on: base + "/big") == nil)
    try Data("a disk of its own".utf8).write(to: URL(fileURLWithPath: base + "/big"))
    #expect(system.store.places.claim(on: base + "/big") != nil)
  }

  @Test("The file behind a link in the folder, but not what a link to another folder leads to")
  func linksInside() throws {
    let system = try TestSystem()
    let base = real(system.folder.base)
    try Data("a disk of its own".utf8).write(to: URL(fileURLWithPath: base + "/big"))
    #expect(symlink(base + "/big", system.folder.path + "/large") == 0)
    #expect(symlink("/usr", system.folder.path + "/programs") == 0)
    #expect(system.store.places.claim(on: base + "/big") != nil)
    #expect(system.store.places.claim(on: "/usr/share/key") == nil)
  }

  @Test("The master key's file elsewhere, and the names beside it that a rotation uses")
  func keyFile() throws {
    let folder = try TestFolder()
    let base = real(folder.base)
    #expect(mkdir(base + "/keys", 0o700) == 0)
    #expect(symlink(base + "/keys", base + "/link") == 0)
    let store = try Store.open(folder: folder.path, masterKeyFile: base + "/link/key")
    defer { try? store.close() }
    #expect(link(base + "/keys/key", base + "/second") == 0)
    for name in ["keys/key", "keys/key.next", "keys/key.new", "second"] {
      #expect(store.places.claim(on: base + "/" + name)?.contains("master key") == true, "\(name)")
    }
    #expect(store.places.claim(on: base + "/keys/other") == nil)
    // Several at once, of the same folder: each for itself.
    let several = ["keys/other", "keys/key", "keys/another", "second", "keys/key"].map { base + "/" + $0 }
    #expect(store.places.claims(on: several).map { $0 != nil } == [false, true, false, true, true])
  }
}
