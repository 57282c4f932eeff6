"""The feeds: valid, with ids that stay, in the reader's language, and not sent again to who has them."""

from dataclasses import replace
from xml.etree import ElementTree

import httpx

from retabli.model.record import Entry, Event
from retabli.model.states import State
from retabli.model.words import Words
from retabli.view import View
from retabli.web import Web, build
from tests.view.pictures import NOW, Smtp, flow, picture, result
from tests.web.hospital import SITE, entries, outlets
from tests.web.serving import serving

ATOM = "{http://www.w3.org/2005/Atom}"
HOSTILE = "<script>alert(1)</script> ]]> &amp; \u202e\x1b[31m\x00\x0b\ufffe"


def parsed(answer: httpx.Response) -> ElementTree.Element:
    assert answer.headers["content-type"].startswith("application/atom+xml")
    return ElementTree.fromstring(answer.content)  # noqa: S314 - ours


async def test_each_has_what_rfc_4287_asks_for_and_speaks_the_reader_s_language() -> None:
    async with serving() as served:
        base = str(served.client.base_url).rstrip("/")
        for path, page in (("/feed.atom", "/"), ("/public/feed.atom", "/public")):
            for query in ("", "?lang=en"):
                feed = parsed(await served.client.get(path + query))
                for wanted in ("id", "title", "updated", "author"):
                    assert feed.find(f"{ATOM}{wanted}") is not None, (path, wanted)
                links = {each.get("rel"): each.get("href") for each in feed.findall(f"{ATOM}link")}
                assert links == {"self": f"{base}{path}{query}", "alternate": f"{base}{page}{query}"}
                found = feed.findall(f"{ATOM}entry")
                assert found
                for entry in found:
                    for wanted in ("id", "title", "updated", "summary"):
                        assert entry.findtext(f"{ATOM}{wanted}"), (path, wanted)
                    assert str(entry.find(f"{ATOM}link").get("href")).endswith(query)  # type: ignore[union-attr]
                assert feed.findtext(f"{ATOM}updated") == found[0].findtext(f"{ATOM}updated")
    assert "dropped" in ElementTree.tostring(feed, "unicode") or "any more" in ElementTree.tostring(feed, "unicode")


async def test_a_fall_is_told_with_its_cause_in_plain_words_inside_and_without_it_outside() -> None:
    async with serving() as served:
        inside = (await served.client.get("/feed.atom")).text
        outside = (await served.client.get("/public/feed.atom")).text
    assert "aucune réponse dans le délai" in inside
    assert "Ne fonctionne plus" in outside
    for hidden in ("aucune réponse", "message remis", "DNS", "isolement", "breached", "/flows/", "inside", "intérieur"):
        assert hidden not in outside, hidden


async def test_who_has_it_already_is_told_so_and_ids_outlive_a_restart() -> None:
    async with serving() as served:
        for path in ("/feed.atom", "/public/feed.atom", "/badge.svg"):
            first = await served.client.get(path)
            tag = first.headers["etag"]
            assert first.headers["cache-control"] == "no-cache"
            for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
                again = await served.client.get(path, headers={"if-none-match": held})
                assert (again.status_code, again.content) == (304, b""), (path, held)
            assert (await served.client.get(path, headers={"if-none-match": '"other"'})).status_code == 200
            async with serving() as another:
                same = (await another.client.get(path)).text
                assert same.replace(another.client.base_url.netloc.decode(), "") == first.text.replace(
                    served.client.base_url.netloc.decode(), ""
                )
        tag = (await served.client.get("/feed.atom")).headers["etag"]
        served.view.logged(Entry(NOW, Event.STATE, "mail-in", {"was": "dropped", "now": "recovering"}))
        assert (await served.client.get("/feed.atom", headers={"if-none-match": tag})).status_code == 200


async def test_no_entry_is_told_twice_and_nothing_breaks_the_xml() -> None:
    async with serving() as served:
        evil = flow("evil", title=Words.same(HOSTILE), probes={"p": Smtp()}, public=True)
        served.view.show(picture(evil, State.DOWN, [result(Smtp())]), None, None)
        for entry in (*entries(), Entry(NOW, Event.STATE, "evil", {"was": HOSTILE, "now": "down", "cause": HOSTILE})):
            served.view.logged(entry)
        for path in ("/feed.atom", "/public/feed.atom"):
            feed = parsed(await served.client.get(path))
            ids = [each.findtext(f"{ATOM}id") for each in feed.findall(f"{ATOM}entry")]
            assert len(ids) == len(set(ids)), path
            assert "\u202e" not in "".join(feed.itertext())
            assert "alert(1)" in "".join(feed.itertext())


async def test_a_feed_of_which_nothing_is_to_be_told_stays_the_same() -> None:
    _, metrics = outlets()
    clock = [NOW]
    view = View(replace(SITE, cut_at=NOW - 86_400), wall=lambda: clock[0])
    web = Web(build(view, metrics), "127.0.0.1", 0, leaving=view.close)
    transport = httpx.ASGITransport(build(view, metrics))
    async with httpx.AsyncClient(transport=transport, base_url="http://t.test") as client:
        for path in ("/feed.atom", "/public/feed.atom"):
            first = await client.get(path)
            clock[0] += 60
            assert (await client.get(path)).content == first.content
            assert "2023-07-02T08:00:00.000Z" in first.text, "since the flows were cut"
    del web
