"""Asks the questions of docs/sql.md beside a Weir at work, and compares the answers with what the journal's lines say.

Usage: check.py WEIR SQL_MD"""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import duckdb

RECORDS = 22_000
WAIT_SECONDS = 240
SEGMENTS = Path("weir-data/segments")
CONFIG = """
listen = "127.0.0.1:0"
stdout = false
[admin]
listen = "127.0.0.1:0"
[[providers]]
name = "openai"
base_url = "http://127.0.0.1:9/v1"
"""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.M | re.S)


def listing() -> list[dict]:
    try:
        return json.loads((SEGMENTS / "segments.json").read_text())["segments"]
    except FileNotFoundError:
        return []


def journal() -> list[dict]:
    lines = []
    for path in sorted(Path("weir-data/journal").glob("*.jsonl")):
        lines += [json.loads(line, parse_float=Decimal) for line in path.read_text().splitlines()]
    return lines


def complete() -> int:
    """Lines in files of the journal that are complete."""
    return int(sorted(Path("weir-data/journal").glob("*.jsonl"))[-1].stem) - 1


def read_while_sealing(by_glob: str, by_list: str) -> None:
    """Whatever Weir is doing, the list names each Record once."""
    deadline, rounds = time.monotonic() + WAIT_SECONDS, 0
    while not (listed := listing()) or listed[-1]["last"] < complete():
        assert time.monotonic() < deadline, f"not sealed after {WAIT_SECONDS} s: {listed}"
        if listed:
            with duckdb.connect() as connection:
                connection.execute(by_list)
                held, different = connection.execute("SELECT count(*), count(DISTINCT request_id) FROM records").fetchone()
            # Weir may have gone on after the list was read here.
            assert held == different and listed[-1]["last"] <= held <= complete(), (listed, held, different)
            rounds += 1
        time.sleep(0.05)
    print(f"read {rounds} times while Weir sealed {listed[-1]['last']} Records")
    for view in (by_glob, by_list):
        with duckdb.connect() as connection:
            connection.execute(view)
            held, cost = connection.execute("SELECT count(*), sum(cost_usd) FROM records").fetchone()
        assert held == listed[-1]["last"], view
        assert cost == total(journal()[:held], "cost_usd"), view


def total(records: list[dict], field: str):
    known = [record[field] for record in records if record.get(field) is not None]
    return sum(known) if known else None


def grouped(records: list[dict], key) -> dict:
    groups = defaultdict(list)
    for record in records:
        groups[key(record)].append(record)
    return groups


def quantile(records: list[dict], field: str, q: float):
    """With a line drawn between neighbours."""
    values = sorted(float(record[field]) for record in records if record.get(field) is not None)
    if not values:
        return None
    at = (len(values) - 1) * q
    low = math.floor(at)
    return values[low] + (values[min(low + 1, len(values) - 1)] - values[low]) * (at - low)


def by_month(records: list[dict]) -> dict:
    groups = grouped(records, lambda record: (record["timestamp"][:7], record.get("organization"), record.get("model")))
    return {
        key: (len(of), total(of, "total_tokens"), total(of, "cost_usd"))
        for key, of in groups.items()
    }


def by_day(records: list[dict]) -> dict:
    answers = {}
    for key, of in grouped(records, lambda record: (record["model"], record["timestamp"][:10])).items():
        streams = [record for record in of if record.get("stream")]
        failed = sum(record["status"] == "error" for record in of) / len(of)
        answers[key] = (
            len(of),
            quantile(of, "processing_time_seconds", 0.5),
            quantile(of, "processing_time_seconds", 0.95),
            quantile(streams, "time_to_first_token_seconds", 0.95),
            failed,
        )
    return answers


def by_session(records: list[dict]) -> list[tuple]:
    groups = grouped((record for record in records if record.get("session_id")), lambda record: record["session_id"])
    rows = [
        (name, len(of), len({record["trace_id"] for record in of if "trace_id" in record}), total(of, "cost_usd"))
        for name, of in groups.items()
    ]
    rows.sort(key=lambda row: (row[3] is None, -(row[3] or 0), row[0]))
    return rows[:20]


def alike(found, wanted) -> bool:
    if isinstance(wanted, float):
        return found is not None and math.isclose(found, wanted, rel_tol=1e-12)
    return found == wanted


def compare(found: dict, wanted: dict) -> None:
    assert found.keys() == wanted.keys(), found.keys() ^ wanted.keys()
    for key, values in wanted.items():
        assert all(alike(*pair) for pair in zip(found[key], values, strict=True)), (key, found[key], values)


def ask(page: str) -> None:
    by_glob, by_list, month, day, session, with_journal = blocks(page, "sql")
    read_while_sealing(by_glob, by_list)
    all_records = journal()
    records = all_records[: listing()[-1]["last"]]
    connection = duckdb.connect()
    connection.execute(by_glob)
    connection.execute(by_list)
    compare({row[:3]: row[3:] for row in connection.execute(month).fetchall()}, by_month(records))
    rows = connection.execute(day).fetchall()
    compare({row[:2]: row[2:] for row in rows}, by_day(records))
    rows = connection.execute(session).fetchall()
    assert [(row[0], row[2], row[3], row[5]) for row in rows] == by_session(records), rows
    found = connection.execute(with_journal).fetchone()
    assert found == (total(all_records, "cost_usd"), len(all_records)), found
    # As the page says that identifiers are to be read.
    one = next(record for record in records if "trace_id" in record)
    row = connection.execute(
        f"SELECT request_id::VARCHAR, lower(hex(trace_id)), lower(hex(span_id)), timestamp::VARCHAR FROM records "
        f"WHERE trace_id = unhex('{one['trace_id']}') AND request_id = '{one['request_id']}'"
    ).fetchone()
    at = one["timestamp"].replace("T", " ").replace("Z", "+00")
    assert row == (one["request_id"], one["trace_id"], one.get("span_id"), at), (row, one)
    assert connection.execute("SELECT count(*) FROM records WHERE weir_line IS NOT NULL").fetchone() == (0,)
    (polars,) = blocks(page, "python")
    names: dict = {}
    exec(polars, names)
    cost = {row["model"]: row["cost_usd"] for row in names["cost"].to_dicts()}
    wanted = {model: total(of, "cost_usd") for model, of in grouped(records, lambda record: record["model"]).items()}
    assert cost == {model: value or Decimal(0) for model, value in wanted.items()}, (cost, wanted)


def main() -> None:
    weir, page = sys.argv[1], Path(sys.argv[2]).read_text()
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        Path("weir.toml").write_text(CONFIG)
        subprocess.run(
            [weir, "simulate", "history", "--to", "weir-data", "--records", str(RECORDS), "--days", "30"],
            check=True, stdout=subprocess.DEVNULL,
        )
        at_work = subprocess.Popen([weir, "serve"], stderr=subprocess.DEVNULL)
        try:
            ask(page)
        finally:
            at_work.terminate()
            at_work.wait()
    print(f"each answer of docs/sql.md is what the journal's {RECORDS} lines say")


if __name__ == "__main__":
    main()
