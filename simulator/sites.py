"""The web sites that departments need, and the page of telephone numbers, over TLS on loopback."""

import asyncio
import html
from collections.abc import Mapping
from dataclasses import dataclass

from simulator import http


@dataclass(slots=True)
class Site:
    """One site. `position`: "answers", "error" (500), "moved", "empty" (its marker is missing), "silent"."""

    title: str
    marker: str
    telephones: tuple[str, ...] = ()
    position: str = "answers"

    def page(self) -> tuple[int, dict[str, str], str]:
        if self.position == "error":
            return 500, {}, "Internal Server Error"
        if self.position == "moved":
            return 301, {"Location": "https://elsewhere.example/"}, ""
        body = "" if self.position == "empty" else html.escape(self.marker)
        numbers = "".join(f"<li>{html.escape(number)}</li>" for number in self.telephones)
        title = html.escape(self.title)
        return 200, {}, f"<!doctype html><title>{title}</title><h1>{title}</h1><p>{body}</p><ul>{numbers}</ul>"


class Sites:
    """All sites behind one port, told apart by the Host header (RFC 9110, section 7.2)."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.sites = sites

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await http.read_request(reader)
            site = self.sites.get(request.fields.get("host", "").partition(":")[0].lower())
            if site is not None and site.position == "silent":
                await asyncio.sleep(3600)
            status, extra, body = (404, {}, "no such site") if site is None else site.page()
            data = body.encode()
            head = http.head_of(status, data, "text/html; charset=utf-8", extra)
            writer.write(head + (b"" if request.method == "HEAD" else data))
            await writer.drain()
            if request.fields.get("connection", "").lower() == "close":
                return
