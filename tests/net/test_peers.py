"""What the tests lean on, where it would make them fail now and then."""

from tests.net.peers import closed_port


def test_a_port_that_nobody_has_is_given_once() -> None:
    given = [closed_port() for _ in range(1000)]
    assert len(set(given)) == len(given)
