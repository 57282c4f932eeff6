"""To whom a page goes: by its reason, the flow's weight and owner, the side of the cause, and the hour."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from retabli.alerts.message import Letterhead
from retabli.alerts.routes import About, Route, fewest, to_whom
from retabli.alerts.teller import Teller
from retabli.model.causes import Side
from retabli.model.record import FlowPicture, Incident
from retabli.model.states import Criticality
from retabli.paging import Notice, Status
from tests.alerts.test_message import NINE, picture

CHANNELS = ("duty", "sms", "mail")


def route(*states: str, to: tuple[str, ...], **more: Any) -> Route:
    given = {"states": list(states), "to": list(to), **more}
    return Route.model_validate(given, context={"timezone": "Europe/Paris"})


def local(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Paris")).timestamp()


def test_without_routes_every_channel_gets_every_page_and_nobody_a_warning() -> None:
    for reason in ("dropped", "breached", "unknown"):
        assert to_whom((), CHANNELS, About(reason)) == CHANNELS
    assert to_whom((), CHANNELS, About("degraded")) == ()


def test_a_message_goes_to_every_route_that_names_its_reason_and_to_a_channel_only_once() -> None:
    routes = (route("dropped", "breached", to=("sms", "duty")), route("dropped", "degraded", to=("mail", "duty")))
    assert to_whom(routes, CHANNELS, About("dropped")) == CHANNELS
    assert to_whom(routes, CHANNELS, About("breached")) == ("duty", "sms")
    assert to_whom(routes, CHANNELS, About("degraded")) == ("duty", "mail")


def test_a_page_that_no_route_names_goes_to_all_rather_than_to_nobody() -> None:
    assert to_whom((route("dropped", to=("duty",)),), CHANNELS, About("breached")) == CHANNELS
    assert to_whom((route("dropped", to=("gone",)),), CHANNELS, About("dropped")) == CHANNELS
    vital = route("dropped", to=("duty",), criticality=["vital"])
    assert to_whom((vital,), CHANNELS, About("dropped")) == CHANNELS


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (About("dropped", Criticality.VITAL), ("sms",)),
        (About("dropped", Criticality.NORMAL, "Équipe messagerie"), ("mail",)),
        (About("dropped", Criticality.NORMAL, "", Side.CONTENT), ("duty",)),
        (About("dropped", Criticality.VITAL, "Équipe messagerie", Side.CONTENT), CHANNELS),
    ],
)
def test_routes_choose_by_weight_owner_and_side(asked: About, told: tuple[str, ...]) -> None:
    routes = (
        route("dropped", to=("sms",), criticality=["vital", "high"]),
        route("dropped", to=("mail",), owner=["Équipe messagerie"]),
        route("dropped", to=("duty",), side=["content", "probe"]),
    )
    assert to_whom(routes, CHANNELS, asked) == told


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2023-07-03T08:00", ("duty",)),  # a Monday
        ("2023-07-03T17:59:59", ("duty",)),
        ("2023-07-03T18:00", ("sms",)),
        ("2023-07-03T07:59:59", ("sms",)),
        ("2023-07-08T10:00", ("sms",)),  # a Saturday
    ],
)
def test_a_route_with_hours_is_taken_within_them_in_the_site_s_time(moment: str, told: tuple[str, ...]) -> None:
    routes = (
        route("dropped", to=("duty",), hours=["mon-fri 08:00-18:00"]),
        route("dropped", to=("sms",), hours=["mon-fri 18:00-08:00", "sat-sun"]),
    )
    assert to_whom(routes, CHANNELS, About("dropped", at=local(moment))) == told


@pytest.mark.parametrize("hours", [[], ["someday"], "8-18", [8], ["mon 25:00-26:00"]])
def test_what_are_no_hours_is_refused(hours: Any) -> None:
    with pytest.raises(ValidationError):
        route("dropped", to=("duty",), hours=hours)


def test_the_fewest_that_may_be_told_are_found_over_every_side_and_hour() -> None:
    routes = (
        route("dropped", to=("duty", "mail"), hours=["mon-fri 08:00-18:00"]),
        route("dropped", to=("mail",), hours=["mon-fri 18:00-08:00", "sat-sun"]),
        route("dropped", to=("sms",), side=["content"]),
    )
    assert set(fewest(routes, CHANNELS, About("dropped"))) == {
        CHANNELS,  # outside all hours
        ("duty", "mail"),
        ("mail",),
        ("sms",),
        ("duty", "sms", "mail"),
        ("sms", "mail"),
    }


# The ends of pages ------------------------------------------------------------------------------------------------


def ended(teller: Teller, *told: str, shown: FlowPicture | None = None, reason: str = "dropped") -> list[str]:
    notice = Notice(Status.RESOLVED, reason, Incident("4f2a", "dropped", NINE, told=dict.fromkeys(told, 0.0)))
    return [message.channel for message in teller.resolve(shown or picture(), notice, NINE)]


def test_the_channels_that_got_a_page_get_its_resolve_whatever_the_routes_say_by_then() -> None:
    teller = Teller(Letterhead("CHU"), {"duty": (), "mail": ()}, (route("dropped", to=("mail",)),))
    assert ended(teller, "duty", "gone") == ["duty"]


def test_a_resolve_goes_to_those_in_the_place_of_channels_that_are_gone_and_to_nobody_if_nobody_was_told() -> None:
    teller = Teller(Letterhead("CHU"), {"duty": (), "mail": ()})
    assert ended(teller, "gone", reason="removed") == ["duty", "mail"]
    assert ended(teller) == []
