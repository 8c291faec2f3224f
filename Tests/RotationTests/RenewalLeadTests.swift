import Foundation
import Testing

@testable import Rotation

@Suite("How long before their end certificates are renewed") struct RenewalLeadTests {
  @Test(
    "It is off, a number of days, or a share of their life",
    arguments: [
      ("", RenewalLead.off), ("off", .off), ("OFF", .off), ("30 days", .days(30)), ("1 day", .days(1)),
      ("730 days", .days(730)), ("33 percent", .percent(33)), ("33%", .percent(33)), (" 90  % ", .percent(90)),
    ])
  func read(_ text: String, _ lead: RenewalLead) {
    #expect(RenewalLead(text) == lead)
    #expect(RenewalLead(lead.description) == lead)
  }

  @Test(
    "Anything else is refused",
    arguments: [
      "0 days", "731 days", "30", "days", "-1 days", "0 %", "91 %", "30 weeks", "2 day", "1 2 days", "99999 days",
    ])
  func refused(_ text: String) { #expect(RenewalLead(text) == nil) }

  @Test("Days count from the end, a share from the whole life")
  func due() {
    let (begin, end) = (Date(timeIntervalSince1970: 0), Date(timeIntervalSince1970: 100 * 86_400))
    #expect(RenewalLead.off.due(begin: begin, end: end) == nil)
    #expect(RenewalLead.days(30).due(begin: begin, end: end) == Date(timeIntervalSince1970: 70 * 86_400))
    #expect(RenewalLead.percent(25).due(begin: begin, end: end) == Date(timeIntervalSince1970: 75 * 86_400))
    #expect(RenewalLead.percent(25).due(begin: end, end: begin) == begin)
  }
}
