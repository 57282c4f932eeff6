"""Logging in by the form, the session it begins, and who may not: asked through a real server."""

import asyncio
import re
from http.cookies import SimpleCookie
from pathlib import Path

import httpx
import pytest

from retabli.web.access import sessions
from retabli.web.access.access import Access
from retabli.web.access.gate import COOKIE
from retabli.web.access.policy import Policy, Role
from retabli.web.pages.login import local
from retabli.web.words.access import TEXTS
from tests.web.accounts import PASSWORDS, Guarded, account, basic, guarded, policy, trusting

PAGES = {"accept": "text/html"}
HOUR, DAY = 3600.0, 86_400.0


def cookie(answer: httpx.Response) -> SimpleCookie:
    return SimpleCookie(answer.headers["set-cookie"])


async def sees(server: Guarded, token: str) -> int:
    """Whether a browser with this alone is shown the metrics."""
    async with httpx.AsyncClient(base_url=server.served.web.url, trust_env=False) as other:
        return (await other.get("/metrics", headers={"cookie": f"{COOKIE}={token}"})).status_code


# the form -------------------------------------------------------------------------------------------------------------


async def test_a_page_that_is_not_shown_is_the_form_which_leads_on_to_it() -> None:
    async with guarded() as server:
        asked = await server.client.get("/log?flow=mail-in&lang=en", headers=PAGES)
        assert asked.status_code == 401
        assert asked.headers["www-authenticate"].startswith("Form "), "a browser opens no window of its own for it"
        onward = re.search(r'name="next" value="([^"]+)"', asked.text)
        assert onward is not None
        answer = await server.log_in("wall", next=onward[1].replace("&amp;", "&"))
        assert (answer.status_code, answer.headers["location"]) == (303, "/log?flow=mail-in&lang=en")
        assert "Main courante" in (await server.client.get("/log")).text


@pytest.mark.parametrize(("taken", "scheme"), [("text/event-stream", "Form"), ("text/html", "Form"), ("*/*", "Basic")])
async def test_an_open_page_that_is_not_let_in_any_more_has_no_window_of_the_browser_s_over_it(
    taken: str, scheme: str
) -> None:
    async with guarded() as server:
        answer = await server.client.get("/live?lang=en", headers={"accept": taken})
        assert answer.headers["www-authenticate"].split()[0] == scheme


async def test_the_session_is_kept_where_no_script_and_no_other_site_reaches_it() -> None:
    async with guarded() as server:
        answer = await server.log_in()
        morsel = cookie(answer)[COOKIE]
        assert (morsel["httponly"], morsel["samesite"], morsel["path"]) == (True, "lax", "/")
        assert morsel["domain"] == ""
        assert len(morsel.value) >= 43, "256 bits"
        assert PASSWORDS["karim"] not in str(answer.headers)


async def test_who_is_logged_in_stands_on_every_page_with_the_way_out() -> None:
    async with guarded() as server:
        await server.log_in()
        for path in ("/", "/flows/mail-in", "/log", "/nothing"):
            page = (await server.client.get(path, headers=PAGES)).text
            assert "<bdi>karim</bdi> <button>Se déconnecter</button>" in page, path


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_wrong_password_and_a_user_there_is_not_are_told_alike(language: str) -> None:
    async with guarded() as server:
        said = set()
        for name, password in (("karim", "wrong"), ("nobody", PASSWORDS["karim"]), ("", ""), ("karim", "")):
            answer = await server.client.post(
                f"/login?lang={language}", data={"user": name, "password": password}, headers={**server.own, **PAGES}
            )
            assert answer.status_code == 401
            assert "set-cookie" not in answer.headers
            found = re.search(r'role="alert">([^<]+)<', answer.text)
            assert found is not None
            said.add(found[1].replace("&#39;", "'"))
        assert said == {TEXTS["login_refused"][language]}
        assert server.outcomes == ["refused"] * 4


async def test_what_was_typed_comes_back_without_the_password_and_without_harm() -> None:
    async with guarded() as server:
        answer = await server.log_in('"><script>alert(1)</script>\x00', "secret word of nobody")
        assert "<script>alert" not in answer.text
        assert "secret word" not in answer.text


@pytest.mark.parametrize("name", ["karim", "nobody"])
async def test_a_password_is_compared_with_something_whoever_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with guarded() as server:
        compared = []
        matches = server.access._checking.matches

        async def noted(hash_: object, password: str, address: str) -> bool:
            compared.append(hash_)
            return await matches(hash_, password, address)  # type: ignore[arg-type]

        monkeypatch.setattr(server.access._checking, "matches", noted)
        await server.log_in(name, "wrong")
        assert len(compared) == 1


async def test_a_form_of_another_site_logs_nobody_in() -> None:
    """Somebody who is logged in unawares as the attacker would write the attacker's name into the record."""
    async with guarded() as server:
        given = {"user": "karim", "password": PASSWORDS["karim"]}
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "origin": server.served.web.url},
            {"sec-fetch-site": "same-origin"},
        ):
            answer = await server.client.post("/login", data=given, headers=headers)
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), headers


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"user=karim&user=root&password=x",
        b"user=k\x00&password=\x00",
        b"user=karim&password=%ff%fe",
        b"{" * 500,
        b"&".join(b"a%d=1" % number for number in range(50)),
        b"user=" + b"k" * 9000 + b"&password=" + b"p" * 5000,
    ],
)
async def test_no_body_of_a_form_is_more_than_a_refusal(body: bytes) -> None:
    async with guarded() as server:
        form = {"content-type": "application/x-www-form-urlencoded"}
        answer = await server.client.post("/login", content=body, headers={**server.own, **form})
        assert answer.status_code in (400, 401)
        assert (await server.log_in()).status_code == 303, "and the next one is let in"


async def test_a_form_without_end_is_cut_off() -> None:
    async with guarded() as server:
        answer = await server.client.post("/login", content=b"user=" + b"x" * 200_000, headers=server.own)
        assert answer.status_code == 413


async def test_a_form_that_does_not_come_keeps_nobody_from_logging_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retabli.web.pages.login.PATIENCE", 0.3)
    async with guarded() as server:
        host, _, port = server.served.web.url.removeprefix("http://").partition(":")
        head = f"POST /login HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 100\r\n\r\nuser="
        slow = [await asyncio.open_connection(host, int(port)) for _ in range(50)]
        for _, writer in slow:
            writer.write(head.encode())
        assert (await server.log_in()).status_code == 303
        for reader, writer in slow:
            assert (await reader.read(12)) == b"HTTP/1.1 408"
            writer.close()


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/",
        "http:evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        " //evil.example",
        "/%0d%0aset-cookie:x=1\r\nx: y",
        "evil.example",
        "",
        "/login",
        "/logout?x=1",
        "//[",
        "/" + "x" * 3000,
        "/é",
    ],
)
async def test_a_log_in_leads_on_to_pages_of_ours_alone(address: str) -> None:
    assert local(address) == "/"
    async with guarded() as server:
        answer = await server.log_in(next=address)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("address", ["/", "/flows/mail-in?lang=en#page", "/log?since=2023-07-03T08%3A00"])
def test_pages_of_ours_are_led_on_to(address: str) -> None:
    assert local(address) == address


# the session ----------------------------------------------------------------------------------------------------------


async def test_a_session_that_somebody_put_there_before_is_not_the_one_that_begins() -> None:
    async with guarded() as server:
        first = cookie(await server.log_in("wall"))[COOKIE].value
        planted = {"cookie": f"{COOKIE}={first}"}
        given = {"user": "root", "password": PASSWORDS["root"]}
        async with httpx.AsyncClient(base_url=server.served.web.url, trust_env=False) as victim:
            answer = await victim.post("/login", data=given, headers={**server.own, **planted})
            fresh = cookie(answer)[COOKIE].value
        assert fresh != first
        assert await sees(server, first) == 401, "what was planted is worth nothing"
        assert await sees(server, fresh) == 200


async def test_a_session_that_was_ended_ends_for_whoever_has_kept_its_token() -> None:
    async with guarded() as server:
        token = cookie(await server.log_in())[COOKIE].value
        assert await sees(server, token) == 200
        answer = await server.client.post("/logout", headers=server.own)
        assert (answer.status_code, cookie(answer)[COOKIE].value) == (303, "")
        assert await sees(server, token) == 401
        assert (await server.client.get("/logout")).status_code == 405


async def test_nobody_is_logged_out_by_another_site() -> None:
    async with guarded() as server:
        token = cookie(await server.log_in())[COOKIE].value
        assert (await server.client.post("/logout", headers={"origin": "http://evil.example"})).status_code == 403
        assert await sees(server, token) == 200


async def test_no_token_but_the_very_one_is_a_session() -> None:
    async with guarded() as server:
        token = cookie(await server.log_in())[COOKIE].value
        digest = next(iter(server.access.sessions._kept))
        for tampered in ("", "x", token[:-1], token + "A", token.swapcase(), digest, token * 4, "a" * 5000, "%00"):
            assert await sees(server, tampered) == 401, tampered[:80]


async def test_a_session_changes_things_only_by_a_form_of_ours() -> None:
    async with guarded() as server:
        await server.log_in()
        for headers in ({}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = await server.client.post("/flows/mail-in/acknowledge", data={"by": "x"}, headers=headers)
            assert answer.status_code == 403, headers
        answer = await server.client.post("/flows/mail-in/acknowledge", data={"by": "x"}, headers=server.own)
        assert answer.status_code == 303


@pytest.mark.parametrize(
    "changed",
    [
        policy("wall", "root"),
        Policy({"karim": account("karim", password="un tout autre mot de passe")}),
        Policy({"karim": account("karim", role=Role.VIEW)}),
        Policy({"karim": account("karim", role=Role.ADMIN)}),
    ],
    ids=["removed", "password", "less", "more"],
)
async def test_another_password_or_role_ends_what_was_begun_under_the_old_one(changed: Policy) -> None:
    async with guarded() as server:
        token = cookie(await server.log_in())[COOKIE].value
        assert (await server.client.get("/metrics", auth=basic("karim"))).status_code == 200
        server.access.adopt(policy())
        assert await sees(server, token) == 200, "a reload that changes nothing ends nothing"
        server.access.adopt(changed)
        assert await sees(server, token) == 401
        server.access.adopt(policy())
        assert await sees(server, token) == 401, "nor does it come back"


async def test_a_wall_display_stays_logged_in_for_months_and_not_for_ever() -> None:
    async with guarded() as server:
        token = cookie(await server.log_in("wall"))[COOKIE].value
        for _ in range(8):
            server.clock.now += 20 * DAY
            assert await sees(server, token) == 200
        server.clock.now += 20 * DAY
        assert await sees(server, token) == 401


async def test_a_session_that_nobody_uses_ends() -> None:
    async with guarded() as server:
        token = cookie(await server.log_in("wall"))[COOKIE].value
        server.clock.now += 31 * DAY
        assert await sees(server, token) == 401


async def test_what_an_account_may_change_lapses_and_its_page_goes_on_showing() -> None:
    async with guarded() as server:
        await server.log_in()
        server.clock.now += HOUR
        assert "silence-by" in (await server.client.get("/flows/mssante")).text
        server.clock.now += 3 * HOUR
        page = await server.client.get("/flows/mssante?lang=en", headers={"sec-fetch-mode": "cors"})
        assert page.status_code == 200
        assert "silence-by" not in page.text
        assert "To change something, log in again" in page.text
        assert "/login?next=%2Fflows%2Fmssante%3Flang%3Den" in page.text
        answer = await server.client.post(
            "/flows/mssante/silence?lang=en", data={"why": "x", "for": "1h"}, headers={**server.own, **PAGES}
        )
        assert answer.status_code == 401
        assert 'name="next" value="/flows/mssante/silence"' in answer.text
        assert "this session only shows by now" in answer.text
        assert server.served.board.heard == []
        again = await server.log_in(next="/flows/mssante/silence")
        back = await server.client.get(again.headers["location"])
        assert back.headers["location"] == "/flows/mssante#page"


async def test_an_administrator_s_power_lapses_first_and_what_is_open_by_itself_prolongs_nothing() -> None:
    async with guarded() as server:
        await server.log_in("root")
        for minutes in (0, 20, 20):
            server.clock.now += minutes * 60
            await server.client.get("/", headers={"sec-fetch-mode": "cors"})
        assert (await server.client.post("/-/reload", headers=server.own)).status_code == 401
        answer = await server.client.post("/flows/mail-in/acknowledge", data={}, headers=server.own)
        assert answer.status_code == 303, "what a lower role may is still theirs"


async def test_however_often_an_account_logs_in_its_sessions_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "EACH", 3)
    async with guarded() as server:
        tokens = []
        for _ in range(5):
            server.client.cookies.clear()
            tokens.append(cookie(await server.log_in("wall"))[COOKIE].value)
            server.clock.now += 1
        assert [await sees(server, each) for each in tokens] == [401, 401, 200, 200, 200]
        assert len(server.access.sessions) == 3


async def test_over_tls_the_cookie_is_one_that_no_other_name_can_have_set() -> None:
    proxied = policy(proxy=trusting("127.0.0.1"))
    async with guarded(proxied) as server:
        host = server.served.web.url.removeprefix("http://")
        secure = {"x-forwarded-proto": "https", "origin": f"https://{host}"}
        answer = await server.client.post(
            "/login", data={"user": "karim", "password": PASSWORDS["karim"]}, headers=secure
        )
        jar = cookie(answer)
        assert list(jar) == ["__Host-retabli_session"]
        morsel = jar["__Host-retabli_session"]
        assert (morsel["secure"], morsel["path"], morsel["domain"]) == (True, "/", "")
        for name, status in ((COOKIE, 401), ("__Host-retabli_session", 200)):
            headers = {"x-forwarded-proto": "https", "cookie": f"{name}={morsel.value}"}
            async with httpx.AsyncClient(base_url=server.served.web.url, trust_env=False) as other:
                assert (await other.get("/metrics", headers=headers)).status_code == status


async def test_without_accounts_there_is_nothing_to_log_in_at() -> None:
    async with guarded(Policy(proxy=trusting(user_header="x-user", role=Role.VIEW))) as server:
        assert (await server.client.get("/login")).status_code == 404
        assert (await server.log_in()).status_code == 404
        page = await server.client.get("/", headers=PAGES)
        assert page.status_code == 403
        assert "login-user" not in page.text


# who did it -----------------------------------------------------------------------------------------------------------


async def test_the_record_says_the_account_whatever_name_was_given() -> None:
    async with guarded() as server:
        for given, written in (
            ({}, "karim"),
            ({"by": ""}, "karim"),
            ({"by": "karim"}, "karim"),
            ({"by": "Jeanne Martin"}, "Jeanne Martin (karim)"),
            ({"by": "root"}, "root (karim)"),
            ({"by": "x (root)"}, "x (root) (karim)"),
        ):
            await server.client.post("/api/v1/flows/mail-in/acknowledge", json=given, auth=basic("karim"))
            assert server.served.board.heard[-1][1]["by"] == written
        row = next(iter(server.served.view.entries()))
        assert row.entry.data["by"] == "x (root) (karim)"


async def test_the_form_is_filled_in_with_the_account_and_not_with_who_was_here_before() -> None:
    async with guarded() as server:
        server.client.cookies.set("retabli_by", "Jeanne")
        await server.log_in()
        page = (await server.client.get("/flows/mssante")).text
        assert 'id="silence-by" name="by" value="karim"' in page
        assert "avec le compte <bdi>karim</bdi>" in page
        answer = await server.client.post(
            "/flows/mssante/silence", data={"by": "Karim B.", "why": "bascule", "for": "1h"}, headers=server.own
        )
        assert answer.status_code == 303
        assert server.served.board.heard[-1][1]["by"] == "Karim B. (karim)"
        assert "set-cookie" not in answer.headers


async def test_who_may_only_see_is_shown_no_form_and_how_to_have_one() -> None:
    async with guarded() as server:
        await server.log_in("wall")
        page = (await server.client.get("/flows/mail-in?lang=en")).text
        assert "<form method" not in page.partition("<main")[2]
        assert "neither acknowledge nor silence" in page
        assert "Use another account" in page


async def test_a_daemon_that_loses_its_disk_still_lets_people_in(tmp_path: Path) -> None:
    lost = sessions.Sessions(tmp_path / "gone" / "sessions")
    access = Access(policy(), lost)
    await access.begin()
    token = await access.log_in("karim", PASSWORDS["karim"], "192.0.2.1", "")
    assert lost.of(token) is not None
    assert lost.changed, "it is tried again"
    access.close()
