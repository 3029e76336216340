"""The official Python SDK sees through Weir what it sees without, and each request leaves its Record."""

import openai
import pydantic
import pytest

from books import BEHIND, read_records
from sides import CASES, PASSING_HEADERS, PROXY, check_record, compare, find_record, watch


@pytest.mark.parametrize("name", CASES)
def test_sdk_sees_the_same(name):
    case = CASES[name]
    _, record = compare(lambda side, seen: ask(side, seen, case))
    check_record(record, case["record"])


@pytest.mark.parametrize("name", CASES)
def test_bytes_are_the_same(name):
    case = CASES[name]
    _, record = compare(lambda side, seen: fetch(side, seen, name))
    check_record(record, case["record"])


def ask(side, seen, case):
    """Makes the SDK's call and keeps what comes, as it comes."""
    if case["path"] == "/embeddings":
        seen.append(side.client.embeddings.create(**case["body"]).to_dict())
    elif case["body"].get("stream"):
        with side.client.chat.completions.create(**case["body"]) as stream:
            for chunk in stream:
                seen.append(chunk.to_dict())
    else:
        seen.append(side.client.chat.completions.create(**case["body"]).to_dict())


def fetch(side, seen, name):
    """Makes the same call without the SDK and keeps status, headers and bytes."""
    # The mock provider gives back the request id it was sent, which makes this header comparable too.
    headers = {"authorization": "Bearer sk-of-the-caller", "x-request-id": "case-" + name.replace(" ", "-")}
    case = CASES[name]
    with side.http.stream("POST", f"{side.address}/v1{case['path']}", json=case["body"], headers=headers) as answer:
        seen.append(answer.status_code)
        seen.append({name: value for name, value in answer.headers.items() if name not in PASSING_HEADERS})
        body = bytearray()
        try:
            for piece in answer.iter_raw():
                body += piece
        finally:
            seen.append(bytes(body))


def test_stream_has_no_usage_unless_asked_for():
    plain, _ = compare(lambda side, seen: ask(side, seen, CASES["stream"]))
    asked, _ = compare(lambda side, seen: ask(side, seen, CASES["stream with usage"]))
    assert not any("usage" in chunk for chunk in plain)
    assert asked[:-1] == plain
    assert asked[-1]["usage"] == {"prompt_tokens": 25, "completion_tokens": 150, "total_tokens": 175}


def test_parse_helper():
    class Gauge(pydantic.BaseModel):
        river: str
        flow: float

    def parse(side, seen):
        body = CASES["structured"]["body"] | {"response_format": Gauge}
        seen.append(side.client.chat.completions.parse(**body).choices[0].message.parsed)

    seen, record = compare(parse)
    assert seen == [Gauge(river="Aare", flow=121.5)]
    check_record(record, CASES["structured"]["record"])


def test_stream_helper():
    def accumulate(side, seen):
        body = {name: value for name, value in CASES["stream of tools"]["body"].items() if name != "stream"}
        with side.client.chat.completions.stream(**body) as stream:
            for event in stream:
                seen.append(event.type)
            seen.append(stream.get_final_completion().to_dict())

    seen, record = compare(accumulate)
    assert [call["id"] for call in seen[-1]["choices"][0]["message"]["tool_calls"]] == ["call_1", "call_2"]
    check_record(record, CASES["stream of tools"]["record"])


def test_errors_are_the_usual_exceptions():
    raised = {}
    for name in ("bad request", "server error", "rate limit"):
        seen, _ = compare(lambda side, seen: ask(side, seen, CASES[name]))
        raised[name] = (seen[-1]["raised"], seen[-1]["status"])
    assert raised == {
        "bad request": ("BadRequestError", 400),
        "server error": ("InternalServerError", 500),
        "rate limit": ("RateLimitError", 429),
    }


def test_each_retry_has_its_record():
    def insist(side, seen):
        side.client.with_options(max_retries=1).chat.completions.create(**CASES["server error"]["body"])

    [error], _, side = watch(insist, PROXY, BEHIND, requests=2)
    assert error["raised"] == "InternalServerError"
    find_record(side)
    tries = read_records()[-2:]
    assert [record["request_id"] for record in tries] == [head.headers["x-weir-request-id"] for head in side.heads]
    assert [record["client_retry"] for record in tries] == [0, 1]


def test_cut_is_seen_as_a_cut():
    seen, _ = compare(lambda side, seen: ask(side, seen, CASES["cut"]))
    assert len(seen) > 1 and "raised" in seen[-1] and "choices" in seen[-2]


def test_cancel():
    def leave_early(side, seen):
        body = {"model": "gpt-4", "stream": True, "messages": [{"role": "user", "content": "Case: slow."}]}
        stream = side.client.chat.completions.create(**body)
        seen.append(next(iter(stream)).to_dict())
        stream.close()

    seen, record = compare(leave_early)
    assert seen[0]["choices"][0]["delta"]["role"] == "assistant"
    check_record(
        record,
        {
            "event": "llm_request_cancelled",
            "status": "cancelled",
            "end_reason": "client_gone",
            "status_code": 200,
            "model": "gpt-4",
            "stream": True,
        },
    )


def test_weirs_own_error():
    """An upstream that hangs up without a word gives an error of Weir's own, which the SDK understands as one."""

    def hang_up(side, seen):
        body = {"model": "gpt-4", "messages": [{"role": "user", "content": "Case: hang up."}]}
        with pytest.raises(openai.InternalServerError) as raised:
            side.client.chat.completions.create(**body)
        seen.append(raised.value)

    [error], _, side = watch(hang_up, PROXY, BEHIND)
    assert error.response.headers["x-weir-error"] == "proxy"
    assert error.code.startswith("weir_")
    assert error.body["message"]
    check_record(find_record(side), {"event": "llm_request_failed", "status": "error", "model": "gpt-4", "stream": False})
