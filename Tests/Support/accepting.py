"""Taking connections, each in a thread of its own, until the socket is closed."""
import threading


def accept_all(listening, answer):
    """Begins to take connections; `answer` is called with each."""

    def serve():
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=[connection], daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
