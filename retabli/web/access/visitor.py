"""Who asks: a visitor, with what they may do, as every page and address is told by the gate."""

from dataclasses import dataclass
from enum import StrEnum

from starlette.requests import Request

from retabli.web.access.policy import Role

KEY = "retabli.visitor"  # in the scope of a request


class Way(StrEnum):
    """How it is known who asks."""

    UNASKED = "unasked"  # nobody is asked who they are
    UNKNOWN = "unknown"
    PASSWORD = "password"  # noqa: S105 - HTTP Basic
    SESSION = "session"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Visitor:
    """`whole` is the role of the account, which a session may have only a part of; `session` is its digest."""

    role: Role | None = None
    way: Way = Way.UNKNOWN
    name: str = ""
    whole: Role | None = None
    session: str = ""
    mark: str = ""  # of the account, when it was looked at
    address: str = ""
    form: bool = False  # whether there is a form to log in by

    def may(self, role: Role | None) -> bool:
        return role is None or (self.role is not None and self.role.covers(role))

    @property
    def may_act(self) -> bool:
        return self.may(Role.ACT)

    @property
    def lapsed(self) -> bool:
        """Its session still shows, and asks for the password again before it changes what the account may."""
        return self.way is Way.SESSION and self.role is not self.whole

    def signed(self, by: str) -> str:
        """What the record says of who did something: what they say they are called, and always the account, last."""
        if not self.name:
            return by
        return self.name if by in ("", self.name) else f"{by} ({self.name})"


UNKNOWN = Visitor()


def visitor_of(request: Request) -> Visitor:
    found = request.scope.get(KEY)
    return found if isinstance(found, Visitor) else UNKNOWN
