"""The outlet in memory: the latest picture of every flow and the last of the log, for pages, API and streams."""

from retabli.view.course import Course, Courses, Span, drawn
from retabli.view.feed import Feed, Subscription
from retabli.view.site import Site, iso
from retabli.view.view import Logged, View

__all__ = ["Course", "Courses", "Feed", "Logged", "Site", "Span", "Subscription", "View", "drawn", "iso"]
