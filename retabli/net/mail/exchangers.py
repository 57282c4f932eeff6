"""Which hosts take the mail of a domain, in the order in which they are to be tried (RFC 5321, section 5.1)."""

import random

import dns.rdtypes.ANY.MX

from retabli.model import causes
from retabli.model.ladder import Fall
from retabli.model.settings import Resolver
from retabli.net.resolve import query

MOST = 5  # hosts that are tried; a domain with more has its reasons, and our deadline has an end


async def exchangers_of(domain: str, resolver: Resolver | None = None) -> tuple[str, ...]:
    """The hosts of the domain's MX records, most preferred first, equals in any order; the domain itself when it has
    none; nothing when it says that it takes no mail (RFC 7505).

    Raises:
        Fall: as `query`; `no_data` is no fall here.
    """
    try:
        records = (await query(domain, "MX", resolver)).records
    except Fall as fall:
        if fall.cause is causes.NO_DATA:
            return (domain,)
        raise
    found = [record for record in records if isinstance(record, dns.rdtypes.ANY.MX.MX)]
    random.shuffle(found)  # equals share the load; the sort keeps their order
    found.sort(key=lambda record: record.preference)
    hosts = [record.exchange.to_text(omit_final_dot=True) for record in found]
    return tuple(dict.fromkeys(host for host in hosts if host not in ("", ".")))[:MOST]
