"""DICOM partners that break the protocol: lengths of 4 GB, fragments without end, data before the association."""

from collections.abc import Iterator

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.ways import every
from tests.kinds.dicom_climbs import ECHO_RSP, FIND_RSP, STORE_RSP
from tests.net.dicom_partners import aborting, accepting, answering, carrying, element, item, pdu, rejecting, response
from tests.net.peers import Handler, endless, listening_then_closing, resetting, trickling

HUGE = 0xFFFFFFFF
ECHOED = response(ECHO_RSP, 0)
AT_FIRST: dict[str, Handler] = {
    "a PDU of 4 GB": answering(pdu(2, b"", HUGE)),
    "an abort of 4 GB": answering(pdu(7, b"", HUGE)),
    "data before the association": answering(carrying(ECHOED)),
    "a PDU of no kind": answering(pdu(99, b"xx")),
    "an acceptance of nothing": answering(pdu(2, b"")),
    "an acceptance without contexts": answering(accepting()),
    "a transfer syntax of nobody": answering(accepting(0, transfer=b"1.2.3.4")),
    "a transfer syntax of controls": answering(accepting(0, transfer=b"\x1b[2J\0")),
    "an item of 64 kB": answering(accepting(0, extra=item(0x21, b"", 65_535))),
    "a maximum of 7": answering(accepting(0, maximum=7)),
    "a maximum of 4 GB": answering(accepting(0, maximum=HUGE)),
    "a rejection of nonsense": answering(rejecting(255, 255, 255)),
    "a rejection for now": answering(rejecting(2, 3, 1)),
    "an abort": answering(aborting(2, 6)),
    "an abort of nonsense": answering(aborting(255, 255)),
    "a request of its own": answering(pdu(1, bytes(68))),
    "a release at once": answering(pdu(5, bytes(4))),
    "HTTP": answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "a byte each 100 ms": answering(then=trickling(accepting(0), 0.1)),
}
ANSWERS: dict[str, bytes] = {
    "a PDU of 4 GB": pdu(4, b"", HUGE),
    "a value of 4 GB": carrying(b"", length=HUGE),
    "a value of nothing": carrying(b"", length=0),
    "values of nothing": pdu(4, bytes(4) * 4000),
    "an element of 4 GB": carrying(element(0x0900, b"\0\0", HUGE)),
    "no status": carrying(response(ECHO_RSP, None)),
    "a status of nobody": carrying(response(ECHO_RSP, 0xBEEF)),
    "an answer to another": carrying(response(ECHO_RSP, 0, message=4711)),
    "another context": carrying(ECHOED, context=255),
    "another service": carrying(response(STORE_RSP, 0)),
    "a data set that never comes": carrying(response(ECHO_RSP, 0, data_set=1)),
    "pending for ever": carrying(response(FIND_RSP, 0xFF00, data_set=0x0101)) * 3,
    "a second acceptance": accepting(0),
    "a release in the middle": pdu(5, bytes(4)),
    "an abort": aborting(0, 0),
    "zeros": bytes(4096),
}
FLOODS: dict[str, Handler] = {
    "a command without end": answering(accepting(0), then=endless(carrying(b"x" * 16_000, control=1))),
    "crumbs without end": answering(accepting(0), then=endless(carrying(b"x", control=1) * 4096)),
    "values of nothing without end": answering(accepting(0), then=endless(pdu(4, bytes(4) * 4000))),
    "empty fragments without end": answering(accepting(0), then=endless(carrying(b"", control=1) * 4096)),
    "pending without end": answering(
        accepting(0), then=endless((carrying(response(FIND_RSP, 0xFF00, data_set=1)) + carrying(b"", control=2)) * 500)
    ),
}


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.speaks == "dicom" and not way.tls):
        for name, handler in AT_FIRST.items():
            yield cell("dicom_pdus", f"{name}, at first", way, alone(way, lambda handler=handler: handler))  # type: ignore[misc]
        for name, said in ANSWERS.items():
            met = alone(way, lambda said=said: answering(accepting(0), said))  # type: ignore[misc]
            yield cell("dicom_pdus", f"{name}, within", way, met)
        for name, then in {"closes": listening_then_closing, "resets": resetting}.items():
            met = alone(way, lambda then=then: answering(accepting(0), then=then))  # type: ignore[misc]
            yield cell("dicom_pdus", f"{name}, within", way, met)
        slow = alone(way, lambda: answering(accepting(0), then=trickling(carrying(ECHOED), 0.1)))
        yield cell("dicom_pdus", "a byte each 100 ms, within", way, slow)
        for name, handler in FLOODS.items():
            met = alone(way, lambda handler=handler: handler)  # type: ignore[misc]
            yield cell("dicom_pdus", name, way, met, heavy=True)
