"""The counts of a part of the measurement, in lines for a person."""
from .outcome import BAD, CLOSED, DROPPED, OK, REFUSED

OTHER = [outcome for outcome in BAD if outcome not in (REFUSED, DROPPED)]


class Counts:
    """What came of all connections of a span."""

    def __init__(self, span, reloads):
        """
        - reloads: how often the servers that close idle kept connections when they reload did so in the span.
        """
        self.refused = span.count(REFUSED)
        # A kept connection is made anew after it has ended; as long as that is refused, it is tried again and again.
        self.connections = sum(span.count(outcome, sessions=False) for outcome in [OK, *BAD])
        self.connections += span.count(REFUSED, sessions=True)
        self.dropped = span.count(DROPPED)
        self.others = {outcome: span.count(outcome) for outcome in OTHER}
        self.other = sum(self.others.values())
        self.beats = span.count(OK, sessions=True)
        self.closed = span.count(CLOSED)
        self.reloads = reloads
        self.bad = span.bad()

    def line(self, title):
        others = ", ".join(f"{count:,} {outcome}" for outcome, count in self.others.items() if count)
        return (
            f"{title}: {self.connections:,} new connections, {self.refused:,} refused handshakes, {self.other:,} other "
            f"failures{f' ({others})' if others else ''}; kept connections used {self.beats:,} times, {self.dropped:,} "
            f"dropped, {self.closed:,} closed while idle at {self.reloads:,} reloads of nginx at the edge and HAProxy"
        )
