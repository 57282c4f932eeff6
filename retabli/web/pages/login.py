"""The page to log in at, and the way out: where accounts are configured."""

from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from retabli.model.result import clean
from retabli.web.access.access import LONGEST, Access, NotIn, delayed
from retabli.web.access.gate import FORM, LOGGED_OUT, Barred, cookie_name, session_token
from retabli.web.access.policy import Role
from retabli.web.access.rules import READING
from retabli.web.access.sessions import WHOLE
from retabli.web.access.visitor import visitor_of
from retabli.web.guard import body_of
from retabli.web.pages.frame import Frame
from retabli.web.words import text

LARGEST = 16 * 1024  # bytes of the form
PATIENCE = 10.0  # seconds that it has to come in
FARTHEST = 2000  # characters of an address to go on to


def local(address: str) -> str:
    """The address to go on to, if it is one of this daemon's own pages; else the first page.

    What browsers take for another host (`//host`, `/\\host`, a tab between) is none of ours.
    """
    try:
        parts = urlsplit(address)
    except ValueError:
        return "/"
    odd = any(char <= " " or char in "\\\x7f" for char in address)
    if odd or not address.isascii() or len(address) > FARTHEST or parts.scheme or parts.netloc:
        return "/"
    if not address.startswith("/") or address.startswith("//") or parts.path in ("/login", "/logout"):
        return "/"
    return address


class LoginPage:
    def __init__(self, frame: Frame, access: Access) -> None:
        self._frame = frame
        self._access = access

    def routes(self) -> Sequence[Route]:
        return (
            Route("/login", self.get),
            Route("/login", self.post, methods=["POST"]),
            Route("/logout", self.leave, methods=["POST"]),
        )

    async def get(self, request: Request) -> Response:
        self._refuse_without_accounts()
        return self.page(request, 200, local(request.query_params.get("next", "/")))

    async def post(self, request: Request) -> Response:
        self._refuse_without_accounts()
        given = _form(await body_of(request, LARGEST, PATIENCE))
        name, password, onward = (given.get(each, "") for each in ("user", "password", "next"))
        address = visitor_of(request).address
        try:
            token = await self._access.log_in(name, password, address, session_token(request))
        except NotIn as why:
            status, headers = 401, {"www-authenticate": FORM}
            if why.outcome != "refused":
                said = delayed(why)
                status, headers = said.status_code, dict(said.headers or {})
            fault = text(f"login_{why.outcome}", self._frame.reading(request)[0], seconds=headers.get("retry-after"))
            refused, name = why.outcome == "refused", clean(name, 64)
            return self.page(request, status, local(onward), fault=fault, refused=refused, name=name, headers=headers)
        response = RedirectResponse(local(onward), 303)
        response.set_cookie(
            cookie_name(request),
            token,
            max_age=int(WHOLE[Role.VIEW]),
            path="/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",  # a link in a mail or a message leads to the page, and not to this form
        )
        return response

    async def leave(self, request: Request) -> Response:
        await self._access.log_out(session_token(request))
        query = self._frame.reading(request)[1]
        response = RedirectResponse(f"/login{query}{'&' if query else '?'}out=", 303)
        secure = request.url.scheme == "https"
        response.delete_cookie(cookie_name(request), path="/", secure=secure, httponly=True, samesite="lax")
        response.headers["clear-site-data"] = '"cache"'
        return response

    def page(
        self,
        request: Request,
        status: int,
        onward: str,
        *,
        fault: str = "",
        refused: bool = False,
        name: str = "",
        headers: dict[str, str] | None = None,
    ) -> Response:
        language, query = self._frame.reading(request)
        visitor = visitor_of(request)
        page = self._frame.render(
            "login.html",
            language,
            query,
            "/login",
            visitor,
            public=True,
            turned=self._frame.turned(request, request.url.path if request.method == "GET" else "/login"),
            onward=onward,
            fault=fault,
            refused=refused,
            left="out" in request.query_params and not visitor.name,
            name=name,
            longest=LONGEST,
        )
        return HTMLResponse(page, status, headers)

    def asked(self, request: Request, why: Barred, said: str) -> Response:
        """In the place of a page that is not shown: the form, which leads on to it."""
        reads = request.method in READING
        path = request.scope.get("raw_path", b"/").decode("latin-1")
        onward = f"{path}?{request.url.query}" if reads and request.url.query else path
        if not reads and not path.startswith("/flows/"):  # whose forms a GET leads back from
            onward = "/"
        fault = "" if reads and why.words is LOGGED_OUT else said
        return self.page(request, why.status_code, local(onward), fault=fault, headers=dict(why.headers or {}))

    def _refuse_without_accounts(self) -> None:
        if not self._access.policy.accounts:
            raise HTTPException(404, "nobody logs in here")


def _form(body: bytes) -> dict[str, str]:
    """
    Raises:
        HTTPException: 400, it is no form.
    """
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise HTTPException(400, "this is no form that was filled in here") from None
    if any(len(values) > 1 for values in fields.values()):
        raise HTTPException(400, "this is no form that was filled in here")
    return {name: values[0] for name, values in fields.items()}
