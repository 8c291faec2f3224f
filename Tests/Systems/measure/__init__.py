"""A system of real servers and clients, all with mutual TLS, in which refused handshakes are counted."""
