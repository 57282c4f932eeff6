"""A reverse proxy whose word is taken, and everybody else's, whose is not; and a daemon where nobody is asked."""

import asyncio

import pytest

from retabli.web.access.policy import Policy, Role
from retabli.web.seams import Reloaded
from tests.web.accounts import basic, guarded, policy, trusting
from tests.web.serving import serving

USER, ROLE, GROUPS = "x-remote-user", "x-remote-role", "x-remote-groups"
PAGES = {"accept": "text/html"}
TRUSTED = trusting(
    user_header=USER, role_header=ROLE, groups_header=GROUPS, groups={"soc": Role.VIEW, "dsi": Role.ADMIN}
)
ELSEWHERE = trusting("192.0.2.0/24", user_header=USER, role=Role.ADMIN)


async def asked(url: str, *headers: tuple[str, str], path: str = "/metrics", version: str = "1.1") -> int:
    """The status of a request whose headers are sent as they are, twice too."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    writer.write(f"GET {path} HTTP/{version}\r\nHost: {host}:{port}\r\nConnection: close\r\n{lines}\r\n".encode())
    said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return int(said.split()[1])


@pytest.mark.parametrize(
    ("headers", "acts", "runs"),
    [
        ({USER: "jeanne", ROLE: "act"}, 200, 403),
        ({USER: "jeanne", ROLE: "ADMIN"}, 200, 200),
        ({USER: "jeanne", GROUPS: "soc, dsi"}, 200, 200),
        ({USER: "jeanne", GROUPS: "soc;others"}, 403, 403),
        ({USER: "jeanne", ROLE: "view", GROUPS: "dsi"}, 200, 200),
        ({USER: "jeanne", ROLE: "root"}, 403, 403),
        ({USER: "jeanne"}, 403, 403),
    ],
)
async def test_the_role_follows_from_what_the_proxy_says(headers: dict[str, str], acts: int, runs: int) -> None:
    async with guarded(Policy(proxy=TRUSTED)) as server:
        post = server.client.post
        answer = await post("/api/v1/flows/mail-in/acknowledge", json={"by": "J. Martin"}, headers=headers)
        assert answer.status_code == acts
        assert (await post("/-/reload", headers=headers)).status_code == runs
        if acts == 200:
            assert server.served.board.heard[0][1]["by"] == "J. Martin (jeanne)"


async def test_a_user_is_named_in_utf_8_and_shown_on_the_page_without_a_way_out_of_ours() -> None:
    async with guarded(Policy(proxy=trusting(user_header=USER, role=Role.VIEW))) as server:
        page = await server.client.get("/", headers={USER.encode(): "Zoé <b>".encode()})
        assert "Zoé &lt;b&gt;" in page.text
        assert "/logout" in page.text
        assert "<button>Se déconnecter" not in page.text


@pytest.mark.parametrize("path", ["/metrics", "/", "/api/v1/flows", "/-/reload"])
async def test_what_anybody_else_writes_into_its_header_is_refused(path: str) -> None:
    async with guarded(Policy(proxy=ELSEWHERE)) as server:
        method = "POST" if path == "/-/reload" else "GET"
        for headers in ({USER: "root"}, {USER: "root", "x-forwarded-for": "192.0.2.7"}, {USER.upper(): "root"}):
            assert (await server.client.request(method, path, headers=headers)).status_code == 403
        assert (await server.client.request(method, path)).status_code == 403
        assert server.reloads == []


async def test_a_password_is_no_way_round_a_header_that_is_not_believed() -> None:
    async with guarded(policy(proxy=ELSEWHERE)) as server:
        answer = await server.client.get("/metrics", auth=basic("wall"), headers={USER: "root"})
        assert answer.status_code == 403
        assert (await server.client.get("/metrics", auth=basic("wall"))).status_code == 200
        assert (await server.client.get("/public", headers={USER: "root"})).status_code == 200


async def test_headers_that_are_smuggled_in_beside_the_proxy_s_are_refused() -> None:
    async with guarded(Policy(proxy=trusting(user_header=USER, role_header=ROLE, role=Role.VIEW))) as server:
        url = server.served.web.url
        assert await asked(url, (USER, "jeanne")) == 200
        for headers in (
            [(USER, "jeanne"), (USER, "root")],
            [(USER, "root"), ("X-REMOTE-USER", "jeanne")],
            [(USER, "jeanne"), (ROLE, "view"), (ROLE, "admin")],
            [(USER, "x" * 200)],
            [(USER, "jeanne (root)")],
            [(USER, "jean\tne")],
        ):
            assert await asked(url, *headers) == 400, headers
        for lookalike in ("x_remote_user", "x-remote-user-", "x-remote--user"):
            assert await asked(url, (lookalike, "root")) == 403, lookalike
        assert await asked(url, (USER, "")) == 403, "nobody"


async def test_failed_log_ins_are_counted_by_the_client_s_address_that_a_trusted_proxy_tells() -> None:
    async with guarded(policy(proxy=trusting("127.0.0.1", "10.0.0.0/8"))) as server:

        async def tries(forwarded: str) -> int:
            given = {"user": "karim", "password": "wrong"}
            headers = {**server.own, "x-forwarded-for": forwarded}
            return (await server.client.post("/login", data=given, headers=headers)).status_code

        said = [await tries("203.0.113.9, 198.51.100.7, 10.1.2.3") for _ in range(6)]
        assert said == [401] * 5 + [429]
        assert await tries("203.0.113.77, 198.51.100.7") == 429, "what stands before it anybody may have written"
        assert await tries("198.51.100.8") == 401


async def test_of_a_stranger_no_forwarded_address_is_believed() -> None:
    async with guarded() as server:
        given = {"user": "karim", "password": "wrong"}
        said = []
        for number in range(6):
            headers = {**server.own, "x-forwarded-for": f"198.51.100.{number}"}
            said.append((await server.client.post("/login", data=given, headers=headers)).status_code)
        assert said == [401] * 5 + [429]


# nobody is asked ------------------------------------------------------------------------------------------------------


async def reload(_by: str) -> Reloaded:
    return Reloaded()


@pytest.mark.parametrize(
    "header",
    [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "retabli.chu.example"),
        ("x-forwarded-anything", ""),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "192.0.2.1"),
        ("host", "retabli.chu.example"),
        ("host", "192.0.2.1"),
        ("host", "127.0.0.1.evil.example"),
    ],
)
async def test_without_accounts_things_are_changed_from_the_machine_itself_and_through_no_proxy(
    header: tuple[str, str],
) -> None:
    async with serving(desk=True, reload=reload) as served:
        for path in ("/-/reload", "/api/v1/flows/mail-in/acknowledge", "/flows/mail-in/acknowledge"):
            answer = await served.client.post(path, data={"by": "x"}, headers={"accept": "*/*", **dict([header])})
            assert answer.status_code == 403
            assert "No account is configured" in answer.text
            assert (await served.client.post(path, data={"by": "x"})).status_code in (200, 303)
        assert len(served.board.heard) == 2
        assert (await served.client.get("/metrics", headers=dict([header]))).status_code == 200, "seen as before"


async def test_who_may_change_nothing_is_told_why_in_the_place_of_the_forms() -> None:
    async with serving(desk=True) as served:
        page = (await served.client.get("/flows/mssante", headers={"via": "1.1 proxy"})).text
        assert "silence-by" not in page
        assert "rien ne se change que depuis la machine elle-même" in page
        assert "silence-by" in (await served.client.get("/flows/mssante")).text


async def test_what_nginx_speaks_to_those_behind_it_comes_from_no_browser_on_this_machine() -> None:
    async with serving(desk=True) as served:
        assert await asked(served.web.url, path="/flows/mssante", version="1.0") == 200
        host, _, port = served.web.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /flows/mail-in/acknowledge HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nby=x")
        assert (await reader.read()).split()[1] == b"403"
        writer.close()


async def test_no_variable_of_the_environment_makes_a_forwarded_address_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    async with guarded(Policy(proxy=ELSEWHERE)) as server:
        assert await asked(server.served.web.url, (USER, "root"), ("x-forwarded-for", "192.0.2.7")) == 403
