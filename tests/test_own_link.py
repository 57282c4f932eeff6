"""The daemon's own way out, read from the kernel's tables as they look on real machines."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from retabli.model import stages
from retabli.model.ladder import Fall, Ladder
from retabli.net import link
from tests.faults.short_of_files import in_a_child, shortage

ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
ROUTE6 = """00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 \
00000400 00000001 00000000 00000003     eth1
"""
ARP = """IP address       HW type     Flags       HW address            Mask     Device
192.0.2.1        0x1         {flags}         02:00:00:00:00:01     *        eth0
"""


def machine(folder: Path, *, route: str = ROUTE, route6: str = "", flags: str = "0x2", carrier: str = "1") -> Path:
    (folder / "net").mkdir()
    (folder / "net/route").write_text(route)
    (folder / "net/ipv6_route").write_text(route6)
    (folder / "net/arp").write_text(ARP.format(flags=flags))
    for name in ("eth0", "eth1"):
        (folder / "class/net" / name).mkdir(parents=True)
        (folder / "class/net" / name / "carrier").write_text(carrier + "\n")
    return folder


def judge(folder: Path) -> None:
    link.check_gateway(link.check_link(link.check_route(folder), folder), folder)


def test_a_link_with_a_gateway_that_answers_holds(tmp_path: Path) -> None:
    judge(machine(tmp_path))


def test_the_gateway_is_read_in_the_kernels_byte_order(tmp_path: Path) -> None:
    assert link.gateways(machine(tmp_path)) == (link.Gateway("eth0", "192.0.2.1"),)


def test_an_ipv6_default_route_is_a_way_out_too(tmp_path: Path) -> None:
    folder = machine(tmp_path, route="", route6=ROUTE6)
    assert link.gateways(folder) == (link.Gateway("eth1", None),)
    judge(folder)


def test_a_machine_without_a_gateway_has_no_way_out_that_could_fail(tmp_path: Path) -> None:
    assert link.gateways(machine(tmp_path, route="")) == ()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"route": ""}, link.NO_ROUTE),
        ({"carrier": "0"}, link.LINK_DOWN),
        ({"flags": "0x0"}, link.GATEWAY_SILENT),
    ],
)
def test_a_lost_route_a_pulled_cable_and_a_dead_gateway_are_told_apart(
    tmp_path: Path, change: dict[str, str], cause: object
) -> None:
    folder = machine(tmp_path, **change)
    with pytest.raises(Fall) as fall:
        judge(folder)
    assert fall.value.cause is cause


@pytest.mark.parametrize("said", [errno.ENOENT, errno.ENODEV, errno.EINVAL])
def test_an_interface_that_is_gone_or_set_down_has_no_link(
    said: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machine(tmp_path)
    found = link.check_route(folder)

    def unread(*_: object) -> str:
        raise OSError(said, os.strerror(said))

    monkeypatch.setattr(Path, "read_text", unread)
    with pytest.raises(Fall) as fall:
        link.check_link(found, folder)
    assert fall.value.cause is link.LINK_DOWN


async def test_a_link_whose_file_we_cannot_open_is_unknown_and_not_down(tmp_path: Path) -> None:
    """The own link is the parent of every flow: all of them would be told by it."""
    folder = machine(tmp_path)
    found = link.check_route(folder)

    async def work() -> list[str]:
        ladder = Ladder(link.LADDER)
        with contextlib.suppress(OSError), shortage(0), ladder.rung(link.LINK):
            link.check_link(found, folder)
        assert ladder.fallen is not None
        return [str(ladder.fallen.cause), str(link.carrier("eth0", folder))]

    assert await in_a_child(work) == ["local_resources", "True"]


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    """A folder that another user may enter, as those of pytest may not be."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("table", ["net/route", "net/arp", "class/net/eth0/carrier"])
async def test_a_table_that_we_may_not_read_is_unknown_and_nothing_that_somebody_prohibits(
    table: str, open_to_all: Path
) -> None:
    """Of a socket EACCES is a prohibition on the way, which is a failure; and the own link is every flow's parent."""
    folder = machine(open_to_all)

    async def work() -> list[str]:
        (folder / table).chmod(0)
        if os.geteuid() == 0:  # who may read everything
            os.seteuid(65534)
        ladder = Ladder(link.LADDER)
        with pytest.raises((Fall, OSError)) as error, ladder.rung(stages.START):
            judge(folder)
        result = ladder.finish(beat=0.0, started=0.0, error=error.value)
        return [result.outcome.value, str(result.cause), result.detail]

    assert await in_a_child(work) == ["unknown", "local_permission", f"{folder / table}: Permission denied"]
