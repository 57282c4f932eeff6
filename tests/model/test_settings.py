"""What settings mean when something is left out."""

import pytest

from retabli.model.settings import Submit, Tls, format_duration, parse_duration


def test_whoever_gives_mail_an_authority_and_no_mode_means_starttls() -> None:
    assert Submit.model_validate({"host": "relay", "tls": {"ca": "ca.pem"}}).tls.mode == "starttls"
    assert Submit.model_validate({"host": "relay", "tls": {"mode": "implicit"}}).tls.mode == "implicit"
    assert Submit.model_validate({"host": "relay"}).tls.mode == "none"
    assert Tls.model_validate({"ca": "ca.pem"}).mode == "implicit"


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("30s", 30.0), ("2m", 120.0), ("1h30m", 5400.0), ("1d", 86400.0)]
)
def test_durations_are_read_and_written_alike(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize("text", ["30", 30, "s", "1h30", "-1s", "1 s", True, None])
def test_a_duration_without_its_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
