"""Names to addresses: each failure of a name server told apart, none of its lies believed."""

import asyncio
import errno
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from retabli.model import causes, stages
from retabli.model.causes import Cause
from retabli.model.ladder import Fall, Ladder, cause_of
from retabli.model.settings import Resolver
from retabli.net import system_resolver
from retabli.net.nameservers import Patience, absolute, ask
from retabli.net.resolve import query, resolve
from retabli.net.system_resolver import Lookups
from tests.faults.short_of_files import in_a_child, shortage
from tests.net.name_server import (
    Fault,
    answer,
    garbage_with_our_id,
    mute,
    name_server,
    noise,
    rcode,
    truncated,
)
from tests.net.peers import closed_port

NOWHERE = "0.0.0.0"  # noqa: S104 - an answer, not an address to listen on
SHORT = Patience(0.3, 3)
ZONE = {
    ("www.test", "A"): ["192.0.2.1"],
    ("www.test", "AAAA"): ["2001:db8::1"],
    ("four.test", "A"): ["192.0.2.4"],
    ("text.test", "TXT"): ['"v=spf1 -all"'],
    ("alias.test", "CNAME"): ["www.test."],
    ("loop.test", "CNAME"): ["loop.test."],
    ("hole.test", "A"): [NOWHERE],
    ("mixed.test", "A"): [NOWHERE, "192.0.2.9"],
}


async def fall(resolver: Resolver, name: str = "www.test") -> Fall:
    with pytest.raises(Fall) as fallen:
        await resolve(name, resolver=resolver, patience=SHORT)
    return fallen.value


@pytest.mark.parametrize("literal", ["192.0.2.1", "2001:db8::1", "[2001:db8::1]", "fe80::1%lo"])
async def test_an_address_is_passed_through_at_no_cost(literal: str) -> None:
    answer = await resolve(literal, resolver=Resolver(nameservers=("192.0.2.53",)))
    assert answer.addresses == (literal.strip("[]"),)
    assert answer.seconds == 0


async def test_both_families_are_asked_and_ipv6_comes_first() -> None:
    async with name_server(ZONE) as server:
        answer = await resolve("www.test", resolver=server.resolver)
    assert answer.addresses == ("2001:db8::1", "192.0.2.1")
    assert sorted(kind for _, kind, _ in server.asked) == ["A", "AAAA"]
    assert answer.seconds > 0


async def test_one_family_is_asked_alone() -> None:
    async with name_server(ZONE) as server:
        assert (await resolve("www.test", resolver=server.resolver, family=4)).addresses == ("192.0.2.1",)
        assert [kind for _, kind, _ in server.asked] == ["A"]
        with pytest.raises(Fall) as fallen:
            await resolve("four.test", resolver=server.resolver, family=6)
    assert fallen.value.cause is causes.NO_DATA


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (rcode(dns.rcode.SERVFAIL), causes.SERVFAIL),
        (rcode(dns.rcode.REFUSED), causes.DNS_REFUSED),
        (rcode(dns.rcode.YXDOMAIN), causes.DNS_GARBAGE),
        (garbage_with_our_id, causes.DNS_GARBAGE),
        (noise, causes.DNS_GARBAGE),
        (mute, causes.DNS_TIMEOUT),
    ],
    ids=["servfail", "refused", "odd", "garbage", "noise", "mute"],
)
async def test_each_failure_of_a_name_server_has_its_cause(fault: Fault, cause: Cause) -> None:
    async with name_server(fault=fault) as server:
        fallen = await fall(server.resolver)
    assert fallen.cause is cause
    assert "127.0.0.1" in fallen.detail


async def test_a_name_that_does_not_exist_is_told_from_one_without_address() -> None:
    async with name_server(ZONE) as server:
        assert (await fall(server.resolver, "nobody.test")).cause is causes.NXDOMAIN
        assert (await fall(server.resolver, "text.test")).cause is causes.NO_DATA


@pytest.mark.parametrize("name", ["a" * 64 + ".test", "a..test", ".".join(["label"] * 60)])
async def test_a_name_that_cannot_exist_does_not(name: str) -> None:
    async with name_server(ZONE) as server:
        assert (await fall(server.resolver, name)).cause is causes.NXDOMAIN
        with pytest.raises(Fall) as fallen:
            await resolve(name)
        assert fallen.value.cause is causes.NXDOMAIN


async def test_a_name_server_with_a_closed_port_does_not_answer() -> None:
    fallen = await fall(Resolver(nameservers=("127.0.0.1",), port=closed_port()))
    assert fallen.cause is causes.DNS_TIMEOUT
    assert "refused" in fallen.detail


async def test_a_name_server_that_is_named_by_a_name_is_not_looked_up() -> None:
    with pytest.raises(Fall) as fallen:  # as /etc/resolv.conf may name it: a configuration may not
        await ask(absolute("www.test"), dns.rdatatype.A, ("dns.test",), patience=SHORT)
    assert fallen.value.detail == "dns.test: dns.test is no IP address"


@pytest.mark.parametrize("fault", [rcode(dns.rcode.SERVFAIL), rcode(dns.rcode.REFUSED), garbage_with_our_id, mute])
async def test_the_next_name_server_is_asked_when_one_fails(fault: Fault) -> None:
    async with name_server(ZONE) as good:
        with bad_on("127.0.0.2", good.port, fault):
            resolver = Resolver(nameservers=("127.0.0.2", "127.0.0.1"), port=good.port)
            answer = await resolve("four.test", resolver=resolver, patience=SHORT)
    assert answer.addresses == ("192.0.2.4",)


class bad_on:  # noqa: N801 - read as a sentence
    """A failing name server on another loopback address and the same port, in a thread."""

    def __init__(self, address: str, port: int, fault: Fault) -> None:
        self._fault = fault
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((address, port))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> None:
        self._thread.start()

    def _serve(self) -> None:
        while data := self._sock.recvfrom(4096):
            if not data[0]:
                return
            asked = dns.message.from_wire(data[0])
            assert isinstance(asked, dns.message.QueryMessage)
            for one in self._fault(asked):
                self._sock.sendto(one, data[1])

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", self._sock.getsockname())
        self._thread.join()
        self._sock.close()


async def test_what_each_name_server_gave_is_told_and_the_most_telling_is_the_cause() -> None:
    async with name_server(fault=mute) as silent:
        with bad_on("127.0.0.2", silent.port, rcode(dns.rcode.SERVFAIL)):
            fallen = await fall(Resolver(nameservers=("127.0.0.1", "127.0.0.2"), port=silent.port))
    assert fallen.cause is causes.SERVFAIL
    assert fallen.detail == "127.0.0.1: no answer, 127.0.0.2: SERVFAIL"


async def test_a_silent_name_server_is_asked_again() -> None:
    lost: list[int] = []

    def lossy(asked: dns.message.QueryMessage) -> list[bytes]:
        lost.append(asked.id)
        return [] if len(lost) == 1 else [answer(asked, ZONE).to_wire()]

    async with name_server(fault=lossy) as server:
        found = await resolve("four.test", resolver=server.resolver, family=4, patience=SHORT)
    assert found.addresses == ("192.0.2.4",)
    assert len(set(lost)) == 2  # another try has another id


# Lies ---------------------------------------------------------------------------------------------------------------


def forged(change: Callable[[dns.message.QueryMessage, dns.message.Message], None]) -> Fault:
    """First a forged answer, then the true one."""

    def lie(asked: dns.message.QueryMessage) -> list[bytes]:
        lie = answer(asked, {("four.test", "A"): ["192.0.2.66"]})
        change(asked, lie)
        return [lie.to_wire(), answer(asked, ZONE).to_wire()]

    return lie


def with_another_id(asked: dns.message.QueryMessage, lie: dns.message.Message) -> None:
    lie.id = asked.id ^ 1


def with_another_question(asked: dns.message.QueryMessage, lie: dns.message.Message) -> None:
    lie.question[0] = dns.rrset.RRset(
        dns.name.from_text("other.test"), asked.question[0].rdclass, asked.question[0].rdtype
    )


@pytest.mark.parametrize("change", [with_another_id, with_another_question])
async def test_an_answer_to_another_question_is_ignored(
    change: Callable[[dns.message.QueryMessage, dns.message.Message], None],
) -> None:
    async with name_server(fault=forged(change)) as server:
        found = await resolve("four.test", resolver=server.resolver, family=4)
    assert found.addresses == ("192.0.2.4",)


async def test_a_flood_of_wrong_answers_ends_in_garbage() -> None:
    def flood(asked: dns.message.QueryMessage) -> list[bytes]:
        lie = answer(asked, ZONE)
        lie.id = asked.id ^ 1
        return [lie.to_wire()] * 80

    async with name_server(fault=flood) as server:
        assert (await fall(server.resolver)).cause is causes.DNS_GARBAGE


async def test_an_address_that_leads_to_ourselves_is_a_sinkhole_and_no_address() -> None:
    async with name_server(ZONE) as server:
        assert (await fall(server.resolver, "hole.test")).cause is causes.SINKHOLE
        assert (await resolve("mixed.test", resolver=server.resolver)).addresses == ("192.0.2.9",)
    for address in (NOWHERE, "::"):
        with pytest.raises(Fall) as fallen:
            await resolve(address)
        assert fallen.value.cause is causes.SINKHOLE


# TCP, EDNS, aliases ---------------------------------------------------------------------------------------------------


async def test_a_truncated_answer_is_asked_for_again_by_tcp() -> None:
    async with name_server(ZONE, truncated) as server:
        answer = await resolve("www.test", resolver=server.resolver, family=4)
    assert answer.addresses == ("192.0.2.1",)
    assert [transport for _, _, transport in server.asked] == ["udp", "tcp"]


@pytest.mark.parametrize(
    ("by_tcp", "cause"),
    [
        (garbage_with_our_id, causes.DNS_GARBAGE),
        (mute, causes.DNS_TIMEOUT),
        (rcode(dns.rcode.SERVFAIL), causes.SERVFAIL),
    ],
    ids=["garbage", "closed", "servfail"],
)
async def test_an_answer_by_tcp_may_fail_as_well(by_tcp: Fault, cause: Cause) -> None:
    async with name_server(ZONE, truncated, by_tcp=by_tcp) as server:
        assert (await fall(server.resolver)).cause is cause


async def test_an_old_name_server_that_refuses_edns_is_asked_without() -> None:
    def old(asked: dns.message.QueryMessage) -> list[bytes]:
        return rcode(dns.rcode.FORMERR)(asked) if asked.edns >= 0 else [answer(asked, ZONE).to_wire()]

    async with name_server(fault=old) as server:
        assert (await resolve("four.test", resolver=server.resolver, family=4)).addresses == ("192.0.2.4",)


async def test_aliases_are_followed_to_their_end() -> None:
    async with name_server(ZONE) as server:  # it gives the alias only, as a server without recursion does
        found = await query("alias.test", "A", server.resolver)
    assert [record.to_text() for record in found.records] == ["192.0.2.1"]
    assert found.canonical == "www.test"


async def test_an_alias_without_end_is_garbage() -> None:
    async with name_server(ZONE) as server:
        assert (await fall(server.resolver, "loop.test")).cause is causes.DNS_GARBAGE


# Families that differ ------------------------------------------------------------------------------------------------


def only_four(other: Fault) -> Fault:
    return lambda asked: (
        [answer(asked, ZONE).to_wire()] if asked.question[0].rdtype == dns.rdatatype.A else other(asked)
    )


@pytest.mark.parametrize("other", [mute, rcode(dns.rcode.SERVFAIL), garbage_with_our_id])
async def test_a_family_that_fails_is_no_fall_while_the_other_has_addresses(other: Fault) -> None:
    async with name_server(fault=only_four(other)) as server:
        assert (await resolve("four.test", resolver=server.resolver)).addresses == ("192.0.2.4",)


async def test_no_address_is_only_said_when_both_families_say_so() -> None:
    async with name_server(fault=only_four(mute)) as server:
        assert (await fall(server.resolver, "text.test")).cause is causes.DNS_TIMEOUT


async def test_a_defect_of_ours_is_not_taken_for_a_missing_address() -> None:
    with pytest.raises(dns.rdatatype.UnknownRdatatype):
        await query("www.test", "NOTYPE", Resolver(nameservers=("127.0.0.1",)))


# The system's resolver -----------------------------------------------------------------------------------------------


async def test_the_system_knows_localhost_and_not_a_name_of_nobody() -> None:
    assert "127.0.0.1" in (await resolve("localhost")).addresses
    with pytest.raises(Fall) as fallen:
        await resolve("nobody.invalid")
    assert fallen.value.cause in (causes.NXDOMAIN, causes.DNS_TIMEOUT, causes.SERVFAIL)  # as this machine's DNS goes


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (socket.EAI_NONAME, causes.NXDOMAIN),
        (system_resolver.EAI_NODATA, causes.NO_DATA),
        (socket.EAI_MEMORY, causes.LOCAL_RESOURCES),
        (getattr(socket, "EAI_SYSTEM", -11), causes.LOCAL_RESOURCES),
    ],
)
async def test_each_word_of_the_system_has_its_cause(monkeypatch: pytest.MonkeyPatch, code: int, cause: Cause) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(code, os.strerror(0))

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Fall) as fallen:
        await resolve("www.test")
    assert fallen.value.cause is cause


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (rcode(dns.rcode.SERVFAIL), causes.SERVFAIL),
        (rcode(dns.rcode.REFUSED), causes.DNS_REFUSED),
        (mute, causes.DNS_TIMEOUT),
        (None, causes.SERVFAIL),
    ],
    ids=["servfail", "refused", "mute", "well again"],
)
async def test_a_vague_failure_of_the_system_is_explained_by_its_name_servers(
    monkeypatch: pytest.MonkeyPatch, fault: Fault | None, cause: Cause
) -> None:
    def again(*_: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async with name_server(ZONE, fault) as server:
        monkeypatch.setattr(socket, "getaddrinfo", again)
        monkeypatch.setattr("retabli.net.resolve.system_nameservers", lambda: ("127.0.0.1",))
        monkeypatch.setattr("retabli.net.resolve.DNS_PORT", server.port)
        with pytest.raises(Fall) as fallen:
            await resolve("www.test", patience=SHORT)
    assert fallen.value.cause is cause


async def test_a_hanging_lookup_is_a_silent_resolver_and_starves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    true = socket.getaddrinfo

    def hang(host: str, *rest: int) -> object:
        if host == "hang.test":
            release.wait(10)
        return true(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    hanging = [asyncio.create_task(resolve("hang.test")) for _ in range(40)]
    try:
        await asyncio.sleep(0)
        began = time.monotonic()
        assert "127.0.0.1" in (await resolve("localhost")).addresses
        assert time.monotonic() - began < 1
        with pytest.raises(Fall) as fallen:
            await system_resolver.system_addresses("hang.test", None, patience=0.05)
        assert fallen.value.cause is causes.DNS_TIMEOUT
    finally:
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        release.set()


async def test_a_full_set_of_threads_makes_others_wait_and_forgets_those_that_left() -> None:
    release = threading.Event()
    lookups = Lookups(most=1)

    def wait() -> list[str]:
        release.wait(10)
        return ["first"]

    first = lookups.submit(wait)
    left = lookups.submit(lambda: ["never"])
    last = lookups.submit(lambda: ["last"])
    assert left.cancel()
    assert not last.done()
    release.set()
    assert await asyncio.wrap_future(first) == ["first"]
    assert await asyncio.wrap_future(last) == ["last"]


async def test_threads_that_could_not_be_had_are_not_counted_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """One dead name held up all others: each failure had left a job, and whoever did it called itself idle for it."""
    lookups = Lookups()
    release, refused = threading.Event(), []
    only = asyncio.wrap_future(lookups.submit(lambda: release.wait(10)))

    def lack(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", lack)
        for _ in range(5):
            with pytest.raises(RuntimeError):
                lookups.submit(lambda: refused.append("done though it was refused"))
    release.set()
    await only
    dead = threading.Event()
    try:
        names = [asyncio.wrap_future(lookups.submit(lambda: dead.wait(10))) for _ in range(3)]
        async with asyncio.timeout(5):
            assert await asyncio.wrap_future(lookups.submit(lambda: "quick")) == "quick"
    finally:
        dead.set()
    await asyncio.gather(*names)
    assert not refused


async def test_a_job_that_could_not_be_queued_leaves_its_thread_free(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lacking:
        """A queue into which nothing can be put."""

        def put(self, _: object) -> None:
            raise MemoryError

        def get(self) -> object:
            return jobs.get()

    lookups = Lookups(most=1)
    jobs = lookups._jobs
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr(lookups, "_jobs", Lacking())
            with pytest.raises(MemoryError):
                lookups.submit(lambda: "never")
    assert lookups._idle.acquire(blocking=False)
    lookups._idle.release()
    assert await asyncio.wrap_future(lookups.submit(lambda: "done")) == "done"


def test_the_systems_name_servers_are_those_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "resolv.conf"
    monkeypatch.setattr(system_resolver, "RESOLV_CONF", path)
    assert system_resolver.system_nameservers() == ("127.0.0.1",)
    path.write_text("# nameserver 192.0.2.1\nsearch chu.test\nnameserver 192.0.2.53\nnameserver 2001:db8::53\n")
    assert system_resolver.system_nameservers() == ("192.0.2.53", "2001:db8::53")


async def test_name_servers_that_could_not_be_read_for_a_moment_are_not_this_machine_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong ones would be asked until the file changed; they refuse, and a closure would be proven by that."""
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.53\n")
    monkeypatch.setattr(system_resolver, "RESOLV_CONF", path)

    async def work() -> list[str]:
        with shortage(0), pytest.raises(OSError, match="Too many open files"):
            system_resolver.system_nameservers()
        return list(system_resolver.system_nameservers())

    assert await in_a_child(work) == ["192.0.2.53"]


@pytest.mark.parametrize(
    "said",
    [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), OSError(errno.EBUSY, os.strerror(errno.EBUSY))],
    ids=["no such name", "busy"],
)
async def test_whatever_the_system_s_resolver_says_without_a_descriptor_is_what_our_machine_lacks(
    said: OSError, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise said

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    async def work() -> str:
        with shortage(0):
            try:
                system_resolver.getaddrinfo("www.test", None)
            except OSError as error:
                return str(cause_of(error))
        return ""

    assert await in_a_child(work) == "local_resources"


async def test_the_deadline_within_this_rung_is_a_resolver_that_does_not_answer() -> None:
    ladder = Ladder((stages.RESOLVE,))
    error: BaseException | None = None
    async with name_server(fault=mute) as server:
        try:
            async with asyncio.timeout(0.05):
                with ladder.rung(stages.RESOLVE):
                    await resolve("www.test", resolver=server.resolver)
        except TimeoutError as late:
            error = late
    assert ladder.finish(beat=0, started=0, error=error).cause is causes.DNS_TIMEOUT
