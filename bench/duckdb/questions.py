"""Questions to Weir in LogQL, each with SQL that returns the same numbers.

The SQL is what one would write by hand over `segments/*.parquet`, the view `r`. `{k}` is the number of the window that a Record is
in, counted from 0; windows are as long as the step, so that each Record is in one. `{span}` selects the Records of all windows.
"""

REQUESTS = "event LIKE 'llm_request__%'"
SELECTOR = '{namespace="llm", app="llm-proxy"}'


def grouped(value, by=None, where=REQUESTS):
    """A figure for each window, or for each window and value of a field."""
    if by is None:
        return f"SELECT '', {{k}} AS k, {value} AS value FROM r WHERE {{span}} AND {where} GROUP BY k"
    return f"SELECT coalesce({by}, ''), {{k}} AS k, {value} AS value FROM r WHERE {{span}} AND {where} GROUP BY 1, k"


def share(part, whole=REQUESTS):
    return grouped(f"count(*) FILTER ({part}) / nullif(count(*) FILTER ({whole}), 0)", where=f"({whole} OR {part})")


def quantile(of, q, where=REQUESTS):
    return grouped(f"quantile_cont({of}::DOUBLE, {q})", where=f"{where} AND {of} IS NOT NULL")


def known(field, by=None):
    return grouped(f"sum({field})", by, f"{REQUESTS} AND {field} IS NOT NULL")


COMPLETED = "event = 'llm_request_completed'"

# By the panel's title and the legend of its query.
PANELS = {
    ("Request Rate", "{{event}}"): grouped("count(*) / {seconds}", "event"),
    ("Token Usage", "{{model}}"): known("total_tokens", "model"),
    ("Energy Consumption", "{{model}}"): known("energy_consumption_kwh", "model"),
    ("Cost Tracking", "{{model}}"): known("cost_usd", "model"),
    ("Processing Time", "p50"): quantile("processing_time_seconds", 0.5, COMPLETED),
    ("Processing Time", "p95"): quantile("processing_time_seconds", 0.95, COMPLETED),
    ("Processing Time", "p99"): quantile("processing_time_seconds", 0.99, COMPLETED),
    ("Model Distribution", "{{model}}"): grouped("count(*)", "model"),
    ("Error Rate", "failed"): share("event = 'llm_request_failed'"),
    ("Error Rate", "cancelled"): share("event = 'llm_request_cancelled'"),
    ("Time to First Token", "p50"): quantile("time_to_first_token_seconds", 0.5),
    ("Time to First Token", "p95"): quantile("time_to_first_token_seconds", 0.95),
    ("Tokens by Class", "input"): grouped(
        "sum(input_tokens) - coalesce(sum(cached_input_tokens), 0) - coalesce(sum(cache_write_tokens), 0)"
        " - coalesce(sum(cache_write_1h_tokens), 0)"
    ),
    ("Tokens by Class", "cached input"): known("cached_input_tokens"),
    ("Tokens by Class", "cache writes"): known("cache_write_tokens"),
    ("Tokens by Class", "cache writes, 1 h"): known("cache_write_1h_tokens"),
    ("Tokens by Class", "output"): grouped("sum(output_tokens) - coalesce(sum(reasoning_tokens), 0)"),
    ("Tokens by Class", "reasoning"): known("reasoning_tokens"),
    ("Cost by Organization", "{{organization}}"): known("cost_usd", "organization"),
    ("Cancelled and Failed Spend", "{{event}}"): grouped(
        "sum(cost_usd)", "event", "event IN ('llm_request_failed', 'llm_request_cancelled') AND cost_usd IS NOT NULL"
    ),
    ("SLO Attainment", "without an error"): share(
        COMPLETED, "event IN ('llm_request_completed', 'llm_request_failed')"
    ),
    ("SLO Attainment", "and in time"): share(
        f"{COMPLETED} AND processing_time_seconds <= 2", "event IN ('llm_request_completed', 'llm_request_failed')"
    ),
    ("Top Users", "{{user_id}}"): "SELECT * FROM ("
    + grouped("sum(cost_usd)", "user_id", f"{REQUESTS} AND user_id <> '' AND cost_usd IS NOT NULL")
    + ") ORDER BY value DESC LIMIT 10",
    ("Unpriced Share", "unpriced"): share("total_tokens IS NOT NULL AND cost_usd IS NULL AND " + REQUESTS,
                                          "total_tokens IS NOT NULL AND " + REQUESTS),
    ("Energy Band", "low"): known("energy_kwh_low"),
    ("Energy Band", "middle"): known("energy_consumption_kwh"),
    ("Energy Band", "high"): known("energy_kwh_high"),
    ("Energy per 1,000 Tokens", "{{model}}"): grouped(
        "1000.0 * sum(energy_consumption_kwh) / sum(total_tokens)", "model",
        f"{REQUESTS} AND energy_consumption_kwh IS NOT NULL",
    ),
    ("Carbon by Model", "{{model}}"): known("carbon_gco2e", "model"),
    ("Carbon by Zone", "{{carbon_zone}}"): known("carbon_gco2e", "carbon_zone"),
    ("Energy by Method", "{{energy_method}}"): grouped(
        "sum(energy_consumption_kwh)", "energy_method",
        f"{REQUESTS} AND energy_method IS NOT NULL AND energy_consumption_kwh IS NOT NULL",
    ),
}


def lines(where):
    # Times as numbers: Python has none with nanoseconds.
    times = "epoch_ns(timestamp) AS timestamp, epoch_ns(started_at) AS started_at"
    return f"SELECT * REPLACE ({times}) FROM r WHERE {{span}} AND {where} ORDER BY r.timestamp DESC LIMIT 100"


# The mission's six: the newest hundred lines.
SIX = {
    f'{SELECTOR} |= "llm_request_completed"': lines(COMPLETED),
    f'{SELECTOR} |= "llm_request_completed" | json | total_tokens > 1000': lines(f"{COMPLETED} AND total_tokens > 1000"),
    f'{SELECTOR} |= "llm_request_completed" | json | cost_usd > 0.10': lines(f"{COMPLETED} AND cost_usd > 0.10"),
    f'{SELECTOR} |= "llm_request_completed" | json | processing_time_seconds > 2': lines(
        f"{COMPLETED} AND processing_time_seconds > 2"
    ),
    f'{SELECTOR} |= "llm_request_completed" | json | model = "gpt-4"': lines(f"{COMPLETED} AND model = 'gpt-4'"),
    f'{SELECTOR} |= "llm_request_failed"': lines("event = 'llm_request_failed'"),
}

# One Record, by its identifier.
NEEDLE = (f'{SELECTOR} | request_id="{{id}}"', lines("request_id = '{id}'::UUID"))

# Windows of an hour that follow each other every five minutes: each Record is in twelve.
SLIDING = (
    'sum by (model) (sum_over_time({namespace="llm", app="llm-proxy", event=~"llm_request_.+"} | unwrap total_tokens [1h]))',
    """
    WITH pieces AS (
        SELECT model, {k} AS k, sum(total_tokens) AS value FROM r
        WHERE {span} AND event LIKE 'llm_request__%' AND total_tokens IS NOT NULL GROUP BY 1, 2
    )
    SELECT coalesce(m.model, ''), t.k, sum(p.value)
    FROM (SELECT DISTINCT model FROM pieces) m, range(0, {steps}) t(k), pieces p
    WHERE p.model IS NOT DISTINCT FROM m.model AND p.k BETWEEN t.k - 11 AND t.k GROUP BY 1, 2
    """,
)
