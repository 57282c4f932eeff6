"""SIP as a client that only asks: OPTIONS over UDP, TCP or TLS (RFC 3261)."""
