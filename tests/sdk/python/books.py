"""What was written down: Weir's Records, and the upstream's own journal of what reached it."""

import json
import os
import time
from pathlib import Path

import httpx2

DIRECT = os.environ["WEIR_SDK_DIRECT"]
BEHIND = os.environ["WEIR_SDK_BEHIND"]
JOURNAL = Path(os.environ["WEIR_SDK_JOURNAL"])
# A Record is written before the last bytes leave; only the end of a call that its caller dropped has to be waited for.
WAIT_SECONDS = 5


def read_records():
    lines = [json.loads(line) for line in read_lines()]
    return [line for line in lines if line["event"].startswith("llm_request_")]


def read_lines():
    """All complete lines in order; files are named by their first line's number."""
    files = sorted(JOURNAL.glob("*.jsonl"), key=lambda file: (len(file.name), file.name))
    text = b"".join(file.read_bytes() for file in files)
    return text[: text.rfind(b"\n") + 1].splitlines()


def wait_for_record(request_id):
    """All Records as soon as this one is among them, or after a while without it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        records = read_records()
        if any(record["request_id"] == request_id for record in records) or time.monotonic() > deadline:
            return records
        time.sleep(0.02)


def read_upstream(address):
    return httpx2.get(f"{address}/__aimock/journal", trust_env=False, verify=False).raise_for_status().json()
