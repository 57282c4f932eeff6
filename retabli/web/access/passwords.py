"""Which passwords are refused when one is chosen: by their length first, as NIST SP 800-63B-4 (3.1.1.2) has it.

No mixture of kinds of characters is asked for: that makes passwords that people write down and programs guess.
"""

import unicodedata

SHORTEST = 15  # characters of a password that nothing else stands beside (SP 800-63B-4)
LONGEST = 256
FEWEST = 6  # different characters
ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm")


def weakness(password: str, account: str = "") -> str | None:
    """Why this password is refused, as a sentence; None: it is taken. `account` is whose it will be, where known."""
    plain = unicodedata.normalize("NFC", password)
    low = plain.casefold()
    if len(plain) < SHORTEST:
        return f"it has fewer than {SHORTEST} characters: several words make one that is easily remembered"
    if len(plain) > LONGEST:
        return f"it has more than {LONGEST} characters"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in plain):
        return "it holds a control character, which no form would send"
    if len(set(low)) < FEWEST:
        return f"it has fewer than {FEWEST} different characters"
    if low in (low + low)[1:-1]:
        return "it is one piece, repeated"
    if _is_run(low):
        return "it is a row of the alphabet, of digits or of the keyboard"
    if len(account) > 2 and len(low.replace(account.casefold(), "")) < SHORTEST // 2:
        return "it is hardly more than the account's name"
    return None


def _is_run(low: str) -> bool:
    """Whether it is only rows such as `azertyuiop123456`, forwards or backwards."""
    rows = [each for row in ROWS for each in (row * 2, row[::-1] * 2)]
    steps = sum(any(low[place : place + 3] in row for row in rows) for place in range(len(low) - 2))
    return steps >= len(low) - 4
