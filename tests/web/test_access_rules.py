"""What each address asks for: everything is in one table, and what is not in it is refused."""

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route

from retabli.web import build
from retabli.web.access.policy import Role
from retabli.web.access.rules import RULES, Rules
from retabli.web.seams import Switch
from tests.web.accounts import basic, guarded
from tests.web.hospital import outlets
from tests.web.on_call import Board

PLACES = {"id": "mail-in", "flow": "mail-in", "name": "style.css"}
PAGES = {"accept": "text/html"}
READS = [path for path in RULES if path not in ("/login", "/logout", "/-/reload", "/demo/switch")]


class Switches:
    remark = property(lambda self: None)

    def all(self) -> list[Switch]:
        return []

    async def set(self, flow: str, position: str) -> None: ...


async def page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("?")


def written(path: str) -> str:
    for name, value in PLACES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def everything() -> list[BaseRoute]:
    """Each route of an application that has all that there is."""
    view, metrics = outlets()
    found: list[BaseRoute] = []

    class Noted(Rules):
        def __init__(self, routes: list[BaseRoute]) -> None:
            found.extend(routes)
            super().__init__(routes)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("retabli.web.app.Rules", Noted)
        build(view, metrics, on_call=Board(view), report=lambda **_: None, switches=Switches())  # type: ignore[arg-type]
    return found


def test_every_address_has_a_rule_and_every_rule_an_address() -> None:
    assert {route.path for route in everything() if isinstance(route, Route)} == set(RULES)


@pytest.mark.parametrize("stranger", [Route("/new", page), Mount("/other", routes=[Route("/x", page)])])
def test_an_address_without_a_rule_is_not_served_at_all(stranger: BaseRoute) -> None:
    view, metrics = outlets()
    with pytest.raises(LookupError, match=r"no rule says who may use /(new|other)"):
        build(view, metrics, extra_routes=[stranger])


@pytest.mark.parametrize("path", [path for path in READS if RULES[path].read is None])
async def test_what_is_open_is_shown_to_everybody(path: str) -> None:
    async with guarded() as server:
        assert (await server.client.get(written(path))).status_code == 200


@pytest.mark.parametrize("path", [path for path in READS if RULES[path].read is not None])
async def test_nothing_else_is_shown_to_who_does_not_say_who_they_are(path: str) -> None:
    async with guarded() as server:
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PROPFIND"):
            answer = await server.client.request(method, written(path))
            assert answer.status_code == 401, method
            for secret in ("Messagerie", "data-state", "relay", "retabli_build"):
                assert secret not in answer.text, method


async def test_what_is_no_address_is_not_told_from_one_that_is_shut() -> None:
    async with guarded() as server:
        told = set()
        for path in ("/nothing", "/flows/nothing", "/flows/mail-in", "/badge/nothing.svg", "/api/v2/flows", "/-/x"):
            answer = await server.client.get(path, headers={"accept": "*/*"})
            told.add((answer.status_code, answer.headers["www-authenticate"]))
        assert told == {(401, 'Basic realm="Retabli", charset="UTF-8"')}
        assert (await server.client.get("/nothing", auth=basic("wall"))).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/%6detrics",
        "/metrics/",
        "//metrics",
        "/./metrics",
        "/public/../metrics",
        "/public/%2e%2e/metrics",
        "/public%2f..%2fmetrics",
        "/static/../metrics",
        "/static/..%2fmetrics",
        "/METRICS",
        "/metrics;x",
        "/metrics%00",
        "/metrics%23",
        "/badge/../metrics.svg",
        "/api/v1/flows/../../../metrics",
    ],
)
async def test_no_way_of_writing_an_address_leads_round_the_gate(path: str) -> None:
    """Sent as it is written: a client would tidy it."""
    import asyncio

    async with guarded() as server:
        host, _, port = server.served.web.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert b"retabli_" not in said
        assert said.split()[1] in (b"401", b"404", b"307", b"400")


@pytest.mark.parametrize(("name", "acts", "runs"), [("wall", 403, 403), ("karim", 200, 403), ("root", 200, 200)])
async def test_each_role_may_what_those_below_it_may_and_no_more(name: str, acts: int, runs: int) -> None:
    async with guarded() as server:
        client, auth = server.client, basic(name)
        assert (await client.get("/metrics", auth=auth)).status_code == 200
        for prefix, taken in (("/api/v1", acts), ("", 303 if acts == 200 else acts)):
            answer = await client.post(f"{prefix}/flows/mail-in/acknowledge", data={"by": "J"}, auth=auth)
            assert answer.status_code == taken
        assert (await client.post("/-/reload", auth=auth)).status_code == runs
        assert server.reloads == ([name] if runs == 200 else [])


async def test_why_not_is_said_in_the_reader_s_language_and_as_json_to_programs() -> None:
    async with guarded() as server:
        path = "/flows/mail-in/silence"
        french = await server.client.post(path, auth=basic("wall"), headers=PAGES)
        assert "Le compte wall peut consulter, mais ni prendre en charge ni mettre en silence." in french.text
        english = await server.client.post(f"{path}?lang=en", auth=basic("wall"), headers=PAGES)
        assert "The account wall may see, but neither acknowledge nor silence." in english.text
        program = await server.client.post(f"/api/v1{path}", auth=basic("wall"))
        assert program.json() == {"error": "The account wall may see, but neither acknowledge nor silence."}
        assert server.served.board.heard == []


async def test_health_says_that_it_is_bad_to_everybody_and_why_to_those_who_may_see() -> None:
    why = "the state has not been written to /srv/db.chu.example"
    async with guarded(healthy=lambda: why, ready=lambda: why) as server:
        for path, word in (("/-/healthy", "not healthy\n"), ("/-/ready", "not ready\n")):
            answer = await server.client.get(path)
            assert (answer.status_code, answer.text) == (503, word)
        await server.log_in("wall")
        assert (await server.client.get("/-/healthy")).text == f"{why}\n"


async def test_a_badge_says_of_a_public_flow_what_the_public_page_does_and_nothing_of_others() -> None:
    async with guarded() as server:
        told = (await server.client.get("/badge/mail-in.svg?lang=en")).text
        assert "Does not work any more" in told
        shut = (await server.client.get("/badge/internet.svg?lang=en")).text
        assert "Suspended on purpose" in shut
        for private in ("rubis", "dns-tunnel", "nothing"):
            assert (await server.client.get(f"/badge/{private}.svg")).status_code == 401
        await server.log_in("wall")
        assert "Suspended" not in (await server.client.get("/badge/internet.svg?lang=en")).text
        assert (await server.client.get("/badge/rubis.svg")).status_code == 200


def test_roles_cover_those_below_them() -> None:
    assert [[one.covers(other) for other in Role] for one in Role] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
