import Testing

@testable import PKI

@Suite("Files of the kernel") struct KernelFileTests {
  @Test("are read to their end, however many pages they have")
  func whole() throws {
    // The mappings of this very process, of which the last ones are always there.
    let maps = try #require(KernelFile.text("/proc/self/maps"))
    #expect(maps.utf8.count > 3 * 4096)
    #expect(maps.contains("[stack]") && maps.hasSuffix("\n"))
    #expect(KernelFile.text("/proc/none") == nil)
  }
}
