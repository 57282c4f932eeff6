"""How the kinds of files, telephones and bare connections come to a server."""

from typing import Any

from probes.file_drop import FileDrop
from probes.sftp import Sftp
from probes.sip import Sip
from probes.tcp import Tcp
from probes.tls import TlsService
from tests.climbing import settings
from tests.hostile.grounds import HERE, Grounds, Ready
from tests.hostile.ways import Way
from tests.kinds.test_sip import OK, by_stream
from tests.net.peers import echoing, serving
from tests.net.ssh_servers import folder_server, host_key, line_of, ssh_server
from tests.net.web_servers import listening


async def sftp(grounds: Grounds) -> Ready:
    served = grounds.folder / "served"
    served.mkdir()
    well, _ = await grounds.stack.enter_async_context(ssh_server(sftp=folder_server(served)))
    keys: dict[str, Any] = {
        **grounds.account,
        "host_key": line_of(host_key()),
        "canary": "retabli-canary",
        "timeout": grounds.timeout,
    }
    return Ready(lambda port: settings(Sftp, host=HERE, port=port, **keys), well)


async def file_drop(grounds: Grounds) -> Ready:
    served = grounds.folder / "served"
    served.mkdir()
    (served / "result.hl7").write_text("x")
    well, _ = await grounds.stack.enter_async_context(ssh_server(sftp=folder_server(served)))
    account = {**grounds.account, "host_key": line_of(host_key()), "host": HERE, "directory": "/"}
    return Ready(
        lambda port: settings(FileDrop, sftp=account | {"port": port}, max_age="1h", timeout=grounds.timeout), well
    )


async def sip(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(serving(by_stream(OK)))
    return Ready(lambda port: settings(Sip, host=HERE, port=port, transport="tcp", timeout=grounds.timeout), well)


async def sip_tls(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(listening(by_stream(OK), grounds.identity()))
    keys: dict[str, Any] = {"transport": "tls", "tls": grounds.trust(), "timeout": grounds.timeout}
    return Ready(lambda port: settings(Sip, host=HERE, port=port, **keys), well)


async def tls(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(listening(echoing, grounds.identity()))
    keys: dict[str, Any] = {"tls": grounds.trust(), "timeout": grounds.timeout}
    return Ready(lambda port: settings(TlsService, host=HERE, port=port, **keys), well)


async def tcp(grounds: Grounds) -> Ready:
    well = await grounds.stack.enter_async_context(serving(echoing))
    return Ready(lambda port: settings(Tcp, host=HERE, port=port, timeout=grounds.timeout), well)


WAYS = (
    Way("sftp", "sftp", "ssh", sftp, 12, "they"),
    Way("file_drop", "file_drop", "ssh", file_drop, 8, "they"),
    Way("sip", "sip", "sip", sip, 1),
    Way("sip_tls", "sip", "sip", sip_tls, 2, tls=True),
    Way("tls", "tls", "tls", tls, 1, tls=True),
    Way("tcp", "tcp", "tcp", tcp, 0),
)
