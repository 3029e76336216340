"""One call, made twice: directly to the upstream and through Weir."""

import json
import os
import uuid
from pathlib import Path

import httpx2
import openai

import books

DIRECT = books.DIRECT
PROXY = os.environ["WEIR_SDK_PROXY"]
CASES = json.loads((Path(__file__).parent.parent / "cases.json").read_text())

# Of one connection, not of the answer, or different each time.
PASSING_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "x-weir-request-id"}
# What a proxy has to say for itself to the upstream, or may narrow: it offers only encodings that it can read.
HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding", "x-request-id"}


class Side:
    """An SDK client with one address, keeping the heads of the answers it got."""

    def __init__(self, address):
        self.heads = []
        # All is plain HTTP on loopback; without `verify` each client would read the system's certificates first.
        self.http = httpx2.Client(trust_env=False, verify=False, event_hooks={"response": [self.heads.append]})
        self.client = openai.OpenAI(
            api_key="sk-of-the-caller", base_url=f"{address}/v1", max_retries=0, timeout=20, http_client=self.http
        )
        self.address = address

    def close(self):
        self.client.close()


def compare(act):
    """Does `act(side, seen)` on both sides: `seen`, and how it ended, must be the same. Gives back what was seen and the Record."""
    direct, direct_sent, _ = watch(act, DIRECT, DIRECT)
    through, through_sent, side = watch(act, PROXY, books.BEHIND)
    assert through == direct
    check_forwarded(direct_sent, through_sent)
    return through, find_record(side)


def watch(act, address, upstream, requests=1):
    """What `act` saw, and the last of its requests that reached the upstream; there must be so many."""
    before = len(books.read_upstream(upstream))
    side = Side(address)
    seen = []
    try:
        act(side, seen)
    except Exception as error:
        seen.append(describe_error(error))
    finally:
        side.close()
    sent = books.read_upstream(upstream)[before:]
    assert len(sent) == requests, f"{len(sent)} requests reached the upstream instead of {requests}"
    return seen, sent[-1], side


def describe_error(error):
    told = {"raised": type(error).__name__, "message": str(error)}
    if isinstance(error, openai.APIStatusError):
        told |= {"status": error.status_code, "body": error.body, "code": error.code, "type": error.type}
    return told


def check_forwarded(direct, through):
    """The upstream was asked the same, except that Weir asks for a stream's usage where the caller did not."""
    expected = dict(direct["body"])
    if expected.get("stream") and "stream_options" not in expected:
        expected["stream_options"] = {"include_usage": True}
    assert through["body"] == expected
    assert (through["method"], through["path"]) == (direct["method"], direct["path"])
    sent = {name: value for name, value in direct["headers"].items() if name not in HOP_HEADERS}
    assert {name: through["headers"].get(name) for name in sent} == sent


def find_record(side):
    """The Record of the last answer: there is one, and it is the latest."""
    weir_id = side.heads[-1].headers["x-weir-request-id"]
    assert uuid.UUID(weir_id).version == 7
    records = books.wait_for_record(weir_id)
    found = [record for record in records if record["request_id"] == weir_id]
    assert len(found) == 1, f"{len(found)} Records for one request"
    assert records[-1] == found[0]
    return found[0]


def check_record(record, expected):
    assert {name: record.get(name) for name in expected} == expected
