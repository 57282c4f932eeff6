"""Whether the daemon in this container lives: that it answers at all, by HTTP or, where that is no HTTP, by HTTPS.

What it says of its health is printed and changes nothing: a restart mends neither a channel nor a disk, and whoever is
started again watches nothing meanwhile. One that stands still ends itself (WATCHDOG_USEC). `python alive.py [PORT]`.
"""

import http.client
import ssl
import sys

PORT = 9877
PATIENCE = 2.0  # seconds for each of both


def answer(connection: http.client.HTTPConnection) -> str:
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().read(500).decode(errors="replace").strip()
    finally:
        connection.close()


def main(port: int) -> int:
    """0: it lives, and what it says is printed; 1: it does not answer."""
    # It is this very container, reached by a number: there is no name to check a certificate against.
    unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001
    try:
        try:
            said = answer(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE))
        except (http.client.HTTPException, ConnectionResetError):
            said = answer(http.client.HTTPSConnection("127.0.0.1", port, timeout=PATIENCE, context=unchecked))
    except (OSError, http.client.HTTPException) as error:
        sys.stdout.write(f"no answer: {error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PORT))
