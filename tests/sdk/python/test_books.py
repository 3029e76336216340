"""After all calls, and after Weir has ended: its Records and the upstream's journal tell the same story, in the same order."""

import pytest

import books


@pytest.fixture(scope="module")
def records():
    return books.read_records()


@pytest.fixture(scope="module")
def upstream():
    return books.read_upstream(books.BEHIND)


def test_each_request_has_one_record(records, upstream):
    assert len(records) == len(upstream) > 0
    assert len({record["request_id"] for record in records}) == len(records)


def test_no_line_is_torn():
    for file in books.JOURNAL.glob("*.jsonl"):
        text = file.read_bytes()
        assert not text or text.endswith(b"\n")


def test_time_only_grows(records):
    times = [record["timestamp"] for record in records]
    assert times == sorted(set(times))


def test_same_requests_in_the_same_order(records, upstream):
    told = [(r["model"], r["stream"], r["provider_request_id"]) for r in records if was_answered_by_upstream(r)]
    heard = [describe_request(entry) for entry in upstream if entry["response"]["status"] != 0]
    assert told == heard


def was_answered_by_upstream(record):
    # Where the upstream hung up without an answer, there is no id of its own.
    return "provider_request_id" in record


def describe_request(entry):
    return entry["body"]["model"], entry["body"].get("stream", False), entry["headers"]["x-request-id"]


def test_same_outcomes(records, upstream):
    for record, entry in zip(records, upstream, strict=True):
        answer = entry["response"]
        if answer["status"] == 0:
            assert record["event"] == "llm_request_failed"
            continue
        assert record["status_code"] == answer["status"]
        broken = answer["status"] != 200 or "chaosAction" in answer or answer.get("interruptReason")
        assert (record["event"] == "llm_request_failed") == bool(broken)


def test_same_tokens(records, upstream):
    compared = 0
    for record, entry in zip(records, upstream, strict=True):
        if record["event"] != "llm_request_completed":
            continue
        # The mock provider has no usage for embeddings and says 0.
        usage = entry["response"]["fixture"]["response"].get("usage", {})
        counts = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
        assert (record["input_tokens"], record["output_tokens"] or 0) == counts
        assert record["total_tokens"] == sum(counts)
        compared += 1
    assert compared > 0


def test_worked_example(records):
    """25 and 150 tokens of gpt-4: the figures stand on the line exactly so, not nearly so."""
    lines = [line for line in books.read_lines() if b'"input_tokens":25,"output_tokens":150,' in line]
    assert lines
    for line in lines:
        assert b'"cost_usd":0.00975,' in line
        assert b'"energy_consumption_kwh":0.000875,' in line
