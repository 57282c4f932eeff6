"""What the ordinary suite feeds: the format's words in any order, what is known to be read with changes, and noise."""

from collections.abc import Sequence

from hypothesis import strategies as st

from tests.fuzz.target import Target

Change = tuple[str, int, int, bytes]
CHANGES = ("insert", "replace", "remove", "repeat", "flip", "cut")


def fed(target: Target) -> st.SearchStrategy[bytes]:
    """Inputs for a target, short ones: what is long is the campaigns' and the pumps' affair."""
    pieces = st.binary(min_size=1, max_size=3)
    if target.words:
        pieces = st.one_of(st.sampled_from(target.words), st.sampled_from(target.words), pieces)
    joined = st.lists(pieces, max_size=12).map(b"".join)
    seeds = target.seeds
    if not seeds:
        return joined
    changes = st.lists(st.tuples(st.sampled_from(CHANGES), *[st.integers(0, 2**16)] * 2, pieces), max_size=4)
    return st.one_of(st.builds(changed, st.sampled_from(seeds), changes), joined)


def changed(data: bytes, changes: Sequence[Change]) -> bytes:
    for kind, at, size, piece in changes:
        place = at % (len(data) + 1)
        end = place + size % 24
        match kind:
            case "insert":
                data = data[:place] + piece + data[place:]
            case "replace":
                data = data[:place] + piece + data[end:]
            case "remove":
                data = data[:place] + data[end:]
            case "repeat":
                data = data[:end] + data[place:end] * (size % 5) + data[end:]
            case "flip" if data:
                place %= len(data)
                data = data[:place] + bytes([data[place] ^ (1 << size % 8)]) + data[place + 1 :]
            case "cut":
                data = data[:place]
    return data
