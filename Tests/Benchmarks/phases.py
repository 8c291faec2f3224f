"""Where the time of an update goes, by the moments that the server itself has written down."""


def last_moment(database, update):
    """When its last event was journaled, in seconds since 1970."""
    return database.execute("SELECT max(at) FROM journal WHERE update_id = ?", [update]).fetchone()[0] / 1000


def spans(database, update, begun):
    """For each kind of action: from the first one's begin to the last one's end, and how long one takes."""
    rows = database.execute(
        """
        SELECT substr(action, 1, instr(action || ':', ':') - 1) AS kind, min(begun_at), max(ended_at),
          avg(ended_at - begun_at)
        FROM attempts WHERE update_id = ? AND begun_at >= ? GROUP BY kind ORDER BY min(begun_at)
        """, [update, begun * 1000 - 1000])
    found = {}
    for kind, first, last, mean in rows:
        if last:
            found[f"{kind} all s"] = (last - first) / 1000
            found[f"{kind} one ms"] = mean
    return found
