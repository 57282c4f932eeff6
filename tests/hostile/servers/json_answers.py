"""Services that answer in JSON, which is too deep, too long, of another kind, or full of numbers that are none."""

import json
from collections.abc import Iterator

from tests.hostile.cells import Cell
from tests.hostile.meeting import alone, cell
from tests.hostile.servers.http_answers import answered
from tests.hostile.ways import every
from tests.net.web_servers import page


def vector(value: str, at: str = "1688371200") -> str:
    series = f'{{"metric": {{"__name__": "up"}}, "value": [{at}, {value}]}}'
    return f'{{"status": "success", "data": {{"resultType": "vector", "result": [{series}]}}}}'


ESCAPES = json.dumps("\x1b[2J\x1b]0;owned\x07\u202egnp.exe\u0000")
LABELS = json.dumps({"flow": "\x1b[2J\u202e" * 50, "x\n": "\r\nSet-Cookie: a=b"})
DOCUMENTS: dict[str, str] = {
    "nothing": "",
    "null": "null",
    "a number": "42",
    "a list": "[]",
    "a list of lists": "[[[]]]",
    "a text": ESCAPES,
    "an object of nothing": "{}",
    "half an object": '{"text": "one',
    "two objects": "{}{}",
    "lists without bottom": "[" * 100_000,
    "objects without bottom": '{"a":' * 50_000,
    "lists 900 deep": "[" * 900 + "]" * 900,
    "NaN": "NaN",
    "an infinite number": "1e999999",
    "a number of 100,000 digits": "9" * 100_000,
    "a lone surrogate": '{"text": "\\ud800"}',
    "keys twice": '{"text": 1, "text": 2}',
    "text that is a list": '{"text": [1, 2]}',
    "text that is an object": '{"text": {"text": "one"}}',
    "a byte order mark": "\ufeff{}",
    "a value of words": vector('"many"'),
    "a value of nothing": vector("null"),
    "a value that is not a number": vector('"NaN"'),
    "an infinite value": vector('"+Inf"'),
    "a value of a thousand digits": vector('"' + "9" * 1000 + '"'),
    "a value of a list": vector("[1]"),
    "a moment beyond all": vector('"1"', "1e300"),
    "a moment of words": vector('"1"', '"now"'),
    "labels that escape": '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": '
    + LABELS
    + ', "value": [1688371200, "0"]}]}}',
    "an error that escapes": '{"status": "error", "errorType": "bad_data", "error": ' + ESCAPES + "}",
    "a matrix": '{"status": "success", "data": {"resultType": "matrix", "result": []}}',
    "no result": '{"status": "success", "data": {"resultType": "vector", "result": []}}',
    "a study of nonsense": '[{"00080020": {"vr": "DA", "Value": ["99999999"]}, "0020000D": 7}]',
    "a study of escapes": '[{"00080020": {"vr": "DA", "Value": [' + ESCAPES + "]}}]",
    "a study of the year 9999": '[{"00080020": {"vr": "DA", "Value": ["99991231"]}, '
    '"00080030": {"Value": ["235959"]}}]',
    "words of escapes": '{"text": ' + ESCAPES + "}",
}
FLOODS: dict[str, str] = {
    "half a million words": '{"text": "' + "one two " * 100_000 + '"}',
    "one word of a megabyte": '{"text": "' + "a" * 900_000 + '"}',
    "50,000 series": '{"status": "success", "data": {"resultType": "vector", "result": ['
    + ",".join(['{"metric":{},"value":[1,"1"]}'] * 30_000)
    + "]}}",
    "half a million lists": "[" + ",".join(["[]"] * 300_000) + "]",
    "50,000 studies": "[" + ",".join(['{"00080020":{"vr":"DA","Value":["20230703"]}}'] * 20_000) + "]",
}
WAYS = ("promql", "speech", "dicomweb", "dicom_receive_web", "containment_alive", "http")


def cells() -> Iterator[Cell]:
    for way in (way for way in every() if way.name in WAYS):
        for name, document in (DOCUMENTS | FLOODS).items():
            said = page(document.encode("utf-8", "surrogatepass")).replace(b"text/html", b"application/json")
            met = alone(way, lambda said=said: answered(said))  # type: ignore[misc]
            yield cell("json_answers", name, way, met, heavy=name in FLOODS)
