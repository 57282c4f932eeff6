"""Pages that keep robots out: the signs by which they are known, so that a probe's own trouble is not the site's."""

from retabli.net.web.http_messages import Fields, field

# (field, a part of its value, what it is)
BY_FIELD = (
    ("cf-mitigated", "challenge", "Cloudflare"),
    ("x-amzn-waf-action", "", "AWS WAF"),
    ("x-datadome", "protected", "DataDome"),
    ("x-vercel-mitigated", "challenge", "Vercel"),
)
# (a part of the page in lower case, what it is); looked for when the answer is not the wanted one.
BY_PAGE = (
    (b"<title>just a moment...</title>", "Cloudflare"),
    (b"/cdn-cgi/challenge-platform/", "Cloudflare"),
    (b"attention required! | cloudflare", "Cloudflare"),
    (b"_incapsula_resource", "Imperva"),
    (b"captcha-delivery.com", "DataDome"),
    (b"px-captcha", "HUMAN"),
    (b"sucuri website firewall", "Sucuri"),
    (b"ddos-guard", "DDoS-Guard"),
    (b"g-recaptcha", "reCAPTCHA"),
    (b"h-captcha", "hCaptcha"),
    (b"captcha", "captcha"),
)
STATUSES = (403, 405, 429, 503)
LOOKED_AT = 65_536  # bytes of the page


def bot_wall(status: int, fields: Fields, body: bytes, *, refused: bool) -> str | None:
    """Whose wall this answer is, or None. `refused`: the status is not the wanted one.

    A page that was refused by one of the usual statuses is a wall already when it mentions a captcha; one that came
    with the wanted status is only a wall by stronger signs, for forms of honest sites have captchas too.
    """
    for name, part, whose in BY_FIELD:
        value = field(fields, name)
        if value is not None and part in value.lower():
            return f"{whose} ({name}: {value})"
    start = body[:LOOKED_AT].lower()
    signs = BY_PAGE if refused and status in STATUSES else BY_PAGE[:6]
    return next((f"{whose}, by its page" for part, whose in signs if part in start), None)
