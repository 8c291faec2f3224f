"""A service manager's end of sd_notify(3): what a program says to it."""
import os
import socket
import uuid


class ServiceManager:
    """Listens at an abstract address, which is reached from a changed root, too."""

    def __init__(self):
        self.name = f"reroot-test-{uuid.uuid4().hex}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + self.name)
        self.heard = []

    def environment(self):
        return {**os.environ, "NOTIFY_SOCKET": "@" + self.name}

    def waits_for(self, word, limit=60):
        """The message that has this line; those before it are kept."""
        self.socket.settimeout(limit)
        while True:
            message = self.socket.recv(65536).decode().split("\n")
            self.heard.append(message)
            if word in message:
                return message

    def close(self):
        self.socket.close()
