"""A password's hash: made by scrypt (RFC 7914), written as one line, compared in constant time.

The line is `$scrypt$ln=14,r=8,p=5$SALT$KEY`, as the PHC string format has it, in base 64 without padding. The
parameters are those that OWASP's Password Storage Cheat Sheet takes for equally strong; of them we make the one that
needs the least memory, 16 MiB, so that a log-in never starves the daemon.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
import unicodedata
from dataclasses import dataclass, field

LOG_N, R, P = 14, 8, 5  # what we make: 16 MiB
WEAKEST = {14: 5, 15: 3, 16: 2, 17: 1}  # ln: the least p (OWASP); more than 128 MiB is refused as well
MOST_P = 16
SALT, KEY = 16, 32  # bytes
LINE = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})")


@dataclass(frozen=True, slots=True)
class Hash:
    """What a password is compared with. Neither salt nor key shows in its representation."""

    log_n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    key: bytes = field(repr=False)

    def matches(self, password: str) -> bool:
        """Takes about a tenth of a second of a core and 128·2^ln·r bytes; the interpreter's lock is free meanwhile."""
        return hmac.compare_digest(self._key_of(password), self.key)

    @property
    def line(self) -> str:
        salt, key = (base64.b64encode(each).decode().rstrip("=") for each in (self.salt, self.key))
        return f"$scrypt$ln={self.log_n},r={self.r},p={self.p}${salt}${key}"

    def _key_of(self, password: str) -> bytes:
        return _derived(password, self.salt, self.log_n, self.r, self.p, len(self.key))


def hashed(password: str) -> Hash:
    """With a new salt."""
    salt = os.urandom(SALT)
    return Hash(LOG_N, R, P, salt, _derived(password, salt, LOG_N, R, P, KEY))


def nobody(like: Hash | None) -> Hash:
    """What the password of an account that does not exist is compared with, and takes as long: nothing matches it."""
    shape = like or Hash(LOG_N, R, P, b"", b"\0" * KEY)
    return Hash(shape.log_n, shape.r, shape.p, os.urandom(SALT), os.urandom(len(shape.key)))


def parse(line: str) -> Hash:
    """
    Raises:
        ValueError: it is no such line, or of a weaker kind; the message is a sentence that never holds the line.
    """
    found = LINE.fullmatch(line)
    if found is None:
        raise ValueError("holds no hash of a password: `retabli password` makes one, a line that begins with $scrypt$")
    log_n, r, p = (int(each) for each in found.groups()[:3])
    if r != R or log_n not in WEAKEST or not WEAKEST[log_n] <= p <= MOST_P:
        raise ValueError("holds a hash of another strength than is used here: make it anew by `retabli password`")
    try:
        salt, key = (base64.b64decode(each + "=" * (-len(each) % 4), validate=True) for each in found.groups()[3:])
    except binascii.Error:
        raise ValueError("holds a hash that is damaged: make it anew by `retabli password`") from None
    return Hash(log_n, r, p, salt, key)


def _derived(password: str, salt: bytes, log_n: int, r: int, p: int, length: int) -> bytes:
    # The same character may be typed as one or as two code points; NFC makes them one (SP 800-63B-4, 3.1.1.2).
    secret = unicodedata.normalize("NFC", password).encode(errors="surrogatepass")
    room = 128 * r * ((1 << log_n) + p + 4)
    return hashlib.scrypt(secret, salt=salt, n=1 << log_n, r=r, p=p, maxmem=room + (1 << 20), dklen=length)
