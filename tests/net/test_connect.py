"""Connections: all addresses are tried, each one's fate is kept, and nothing is left open whatever happens."""

import asyncio
import errno
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder
from retabli.model.result import Measure
from retabli.net import attempts
from retabli.net.attempts import connect, interleaved, verdict
from retabli.net.connect import open_connection
from tests.faults.short_of_files import in_a_child, shortage
from tests.net.name_server import name_server
from tests.net.peers import closed_port, closing, serving, silent


@asynccontextmanager
async def full_backlog() -> AsyncIterator[int]:
    """A port that takes no further connection and does not say so, like a firewall that drops: it never accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.connect(listener.getsockname())
        await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            for sock in waiting:
                sock.close()


async def test_the_first_address_that_answers_is_taken_and_the_others_fates_are_told() -> None:
    async with serving(silent) as port:
        fates: dict[str, Fall] = {}
        async with await connect(["127.0.0.9", "::1", "127.0.0.1"], port, fates=fates) as connection:
            assert (connection.address, connection.family) == ("127.0.0.1", 4)
    assert {address: fall.cause for address, fall in fates.items()} == {
        "127.0.0.9": causes.REFUSED,
        "::1": causes.REFUSED,
    }


async def test_when_all_addresses_fail_each_fate_is_named() -> None:
    with pytest.raises(Fall) as fallen:
        await connect(["127.0.0.1", "::1"], closed_port())
    assert fallen.value.cause is causes.REFUSED
    assert fallen.value.detail == "127.0.0.1 refused, ::1 refused"


async def test_a_silent_address_holds_the_next_one_up_by_a_quarter_of_a_second_only() -> None:
    async with full_backlog() as port:
        with socket.create_server(("127.0.0.2", port)):
            began = time.monotonic()
            async with await connect(["127.0.0.1", "127.0.0.2"], port) as connection:
                assert connection.address == "127.0.0.2"
            assert 0.2 < time.monotonic() - began < 0.6


async def test_an_address_that_fails_gives_way_at_once() -> None:
    async with serving(silent) as port:
        began = time.monotonic()
        async with await connect(["127.0.0.8", "127.0.0.9", "127.0.0.1"], port):
            assert time.monotonic() - began < 0.2


async def test_a_silent_host_is_a_timeout_at_the_deadline_and_told_from_a_refusing_one() -> None:
    async with full_backlog() as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await connect(["127.0.0.1"], port)
        with pytest.raises(Fall):
            await connect(["127.0.0.1"], closed_port())


async def test_a_deadline_in_the_race_leaves_no_socket_open_and_keeps_what_was_learned() -> None:
    async with full_backlog() as port:
        fates: dict[str, Fall] = {}
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await connect(["127.0.0.9", "127.0.0.1"], port, fates=fates)
    assert list(fates) == ["127.0.0.9"]  # an open socket would be a ResourceWarning, and fail this test


@pytest.mark.parametrize("cancel_after", [0, 1, 2, 3, 4, 5])
async def test_a_cancellation_at_any_moment_leaves_no_socket_open(cancel_after: int) -> None:
    async with serving(silent) as port:
        task = asyncio.create_task(connect(["127.0.0.9", "127.0.0.1", "::1"], port))
        for _ in range(cancel_after):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await (await task).close()
        except asyncio.CancelledError:
            pass


async def test_of_two_addresses_that_answer_at_once_one_is_closed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "STAGGER", 0)
    with socket.create_server(("127.0.0.1", 0)) as first:
        with socket.create_server(("127.0.0.2", first.getsockname()[1])) as second:
            async with await connect(["127.0.0.1", "127.0.0.2"], first.getsockname()[1]):
                for listener in (first, second):
                    listener.settimeout(1)
                accepted = [listener.accept()[0] for listener in (first, second)]
                states = []
                for sock in accepted:
                    with sock:
                        sock.setblocking(False)
                        states.append(ended(sock))
    assert sorted(states) == [False, True]


async def test_a_second_winner_of_the_same_moment_is_closed_and_the_first_is_not() -> None:
    async def won(sock: socket.socket) -> socket.socket | None:
        return sock

    with socket.socket() as first, socket.socket() as second:
        tasks = [asyncio.create_task(won(sock)) for sock in (first, second)]
        await asyncio.wait(tasks)
        await attempts._dismiss(tasks, first)
        assert (first.fileno() >= 0, second.fileno() >= 0) == (True, False)


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False


def test_families_take_turns_beginning_with_the_first() -> None:
    assert interleaved(["a::1", "a::2", "10.0.0.1"]) == ["a::1", "10.0.0.1", "a::2"]
    assert interleaved(["10.0.0.1", "10.0.0.2", "a::1"]) == ["10.0.0.1", "a::1", "10.0.0.2"]
    assert interleaved(["10.0.0.1"]) == ["10.0.0.1"]


@pytest.mark.parametrize(
    ("met", "cause"),
    [
        ((causes.UNREACHABLE, causes.REFUSED), causes.REFUSED),
        ((causes.TIMEOUT, causes.UNREACHABLE), causes.TIMEOUT),
        ((causes.REFUSED, causes.ADMIN_PROHIBITED), causes.ADMIN_PROHIBITED),
        ((causes.REFUSED, causes.LOCAL_RESOURCES), causes.LOCAL_RESOURCES),
    ],
)
def test_the_most_telling_fate_is_the_cause(met: tuple[Cause, ...], cause: Cause) -> None:
    assert verdict({f"192.0.2.{number}": Fall(one) for number, one in enumerate(met)}).cause is cause


async def test_a_machine_without_descriptors_cannot_judge() -> None:
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with pytest.raises(Fall) as fallen:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))
            await connect(["127.0.0.1"], 9)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert fallen.value.cause is causes.LOCAL_RESOURCES


async def test_a_machine_without_ipv6_has_no_route_and_no_lack_of_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    class OnlyFour(socket.socket):
        def __init__(self, family: int = -1, *rest: int, **named: int) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *rest, **named)

    async with serving(silent) as port:
        monkeypatch.setattr("socket.socket", OnlyFour)
        fates: dict[str, Fall] = {}
        async with await connect(["::1", "127.0.0.1"], port, fates=fates):
            monkeypatch.undo()
        assert fates["::1"].cause is causes.UNREACHABLE


async def test_a_zone_that_is_no_interface_is_unreachable() -> None:
    with pytest.raises(Fall) as fallen:
        await connect(["fe80::1%nowhere0"], 9)
    assert fallen.value.cause is causes.UNREACHABLE


async def test_a_zone_that_cannot_be_looked_up_for_want_of_a_descriptor_is_not_called_missing() -> None:
    async def work() -> list[str]:
        found = []
        for address in ("fe80::1%lo", "fe80::1%nowhere0"):
            fates: dict[str, Fall] = {}
            with shortage(0), suppress(Fall):
                await connect([address, "127.0.0.1"], 9, fates=fates)
            found.append(fates[address].cause.code)
        return found

    assert await in_a_child(work) == ["local_resources", "local_resources"]


async def test_a_port_that_connects_to_itself_is_a_closed_one() -> None:
    """A closed port within our own ephemeral range may be chosen as the source of the very attempt."""
    for _ in range(3):
        with socket.socket() as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.bind(("127.0.0.1", 0))
            own.connect(own.getsockname())  # so it does succeed
            with pytest.raises(Fall) as fallen:
                attempts._not_ourselves(own)
            assert fallen.value.cause is causes.REFUSED


# With a ladder -------------------------------------------------------------------------------------------------------


async def test_the_rungs_are_climbed_and_what_was_found_is_noted() -> None:
    ladder = Ladder((stages.RESOLVE, stages.CONNECT))
    async with name_server({("host.test", "A"): ["127.0.0.1"], ("host.test", "AAAA"): ["::1"]}) as dns:
        async with serving(silent) as port:
            async with await open_connection(ladder, "host.test", port, resolver=dns.resolver) as connection:
                assert (connection.host, connection.port) == ("host.test", port)
    result = ladder.finish(beat=0, started=0)
    assert [rung.stage for rung in result.rungs] == [stages.RESOLVE, stages.CONNECT]
    assert result.measures[Measure.IP_PROTOCOL] == 4
    assert result.measures[Measure.DNS_LOOKUP] > 0
    assert result.properties == {"address": "127.0.0.1", "failed_addresses": "::1 refused"}


async def test_a_deadline_while_connecting_is_a_timeout_on_that_rung_with_the_fates_of_the_others() -> None:
    ladder = Ladder((stages.RESOLVE, stages.CONNECT))
    error: BaseException | None = None
    async with name_server({("host.test", "A"): ["127.0.0.9", "127.0.0.1"]}) as dns, full_backlog() as port:
        try:
            async with asyncio.timeout(0.6):
                await open_connection(ladder, "host.test", port, resolver=dns.resolver)
        except TimeoutError as late:
            error = late
    result = ladder.finish(beat=0, started=0, error=error)
    assert (result.stage, result.cause) == (stages.CONNECT, causes.TIMEOUT)
    assert result.properties["failed_addresses"] == "127.0.0.9 refused"


async def test_a_host_that_closes_at_once_has_still_been_reached() -> None:
    async with serving(closing) as port:
        async with await connect(["127.0.0.1"], port) as connection:
            assert await connection.receive() == b""
            assert await connection.receive() == b""
