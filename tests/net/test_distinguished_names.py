"""Names of certificates: the same one however it is written, and never another one."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from retabli.net.mssante.distinguished_names import name_of, parse_name, same_name

PLAIN = "CN=mx.chu.example,OU=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR"


@pytest.mark.parametrize(
    "written",
    [
        "C=FR,ST=Ille-et-Vilaine (35),O=CHU de test,OU=310000000,CN=mx.chu.example",
        "C = FR, ST = Ille-et-Vilaine (35), O = CHU de test, OU = 310000000, CN = mx.chu.example",
        "/C=FR/ST=Ille-et-Vilaine (35)/O=CHU de test/OU=310000000/CN=mx.chu.example",
        "cn=MX.CHU.EXAMPLE;ou=310000000;o=chu  de   test;st=ille-et-vilaine (35);c=fr",
        "2.5.4.3=mx.chu.example,OID.2.5.4.11=310000000,oid.2.5.4.10=CHU de test,S=Ille-et-Vilaine (35),C=#13024652",
        'CN="mx.chu.example",OU="310000000",O="CHU de test",ST="Ille-et-Vilaine (35)",C="FR"',
        "commonName=mx.chu.example,OU=310000000,O=CHU\\20de\\20test,SP=Ille-et-Vilaine \\(35\\),C=FR",
        " CN=mx.chu.example,\n OU=310000000,\n O=CHU de test,\n ST=Ille-et-Vilaine (35),\n C=FR ",
        "CN=mx.chu.example,OU=３１０００００００,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR",  # full-width digits
    ],
)
def test_a_name_is_the_same_in_every_way_of_writing_it(written: str) -> None:
    plain, other = parse_name(PLAIN), parse_name(written)
    assert plain is not None
    assert other is not None
    assert same_name(plain, other)
    assert same_name(name_of(x509.Name.from_rfc4514_string(PLAIN)), other)


@pytest.mark.parametrize(
    "written",
    [
        "CN=mx.chu.example,OU=310000000,O=CHU de test,C=FR",
        "CN=mx.chu.example,OU=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR,C=FR",
        "CN=mx.chu.example,OU=310000001,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR",
        "OU=mx.chu.example,CN=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR",
        "CN=mx.chu.example+OU=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR",
        "CN=mx.chu.example",
        "CN=mx\\.chu.example\\,OU=310000000,O=CHU de test,ST=Ille-et-Vilaine (35),C=FR",
    ],
)
def test_another_name_is_another(written: str) -> None:
    plain, other = parse_name(PLAIN), parse_name(written)
    assert plain is not None
    assert other is not None
    assert not same_name(plain, other)


@pytest.mark.parametrize("written", ["", "mx.chu.example", "=", "CN", ",CN=x,", "no=", "<CN=x>", "hello CN=x"])
def test_what_is_no_name_is_none_or_matches_nothing(written: str) -> None:
    parsed, plain = parse_name(written), parse_name(PLAIN)
    assert plain is not None
    assert parsed is None or not same_name(parsed, plain)


def test_what_people_do_not_escape_is_understood() -> None:
    loose = parse_name("CN=mx,O=CHU, service de biologie,OU=A/B + C,C=FR")
    strict = parse_name("CN=mx,O=CHU\\, service de biologie,OU=A/B \\+ C,C=FR")
    assert loose == strict
    assert loose is not None
    assert len(loose) == 4


def test_accents_and_several_values_in_one_part_are_kept_apart() -> None:
    accented = parse_name("CN=mx,O=Hôpital de test,C=FR")
    assert accented is not None
    assert accented == parse_name("CN=mx,O=H\\C3\\B4pital de test,C=FR")
    assert accented != parse_name("CN=mx,O=Hopital de test,C=FR")
    certificate = x509.Name.from_rfc4514_string("OU=a+CN=b,O=c,C=FR")
    together = parse_name("CN=b+OU=a,O=c,C=FR")
    assert together is not None
    assert same_name(name_of(certificate), together)


@given(st.text(max_size=300))
def test_no_text_is_ever_too_odd(written: str) -> None:
    parsed = parse_name(written)
    assert parsed is None or all(parsed)
