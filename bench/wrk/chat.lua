-- Posts one chat request over and over. The file with the body is the argument after `--`.
-- wrk formats the request once: without a `request` function nothing in Lua runs per request.

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["Authorization"] = "Bearer bench-caller"
  file:close()
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    '\nresult {"requests":%d,"micros":%d,"failures":%d,"statuses":%d,"p50_us":%d,"p99_us":%d}\n',
    summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
