"""Starts the mock provider and Weir, runs the suites, tears all down, and says in one line how it went."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).parent
START_SECONDS = 20
STOP_SECONDS = 20
SUITE_SECONDS = 300

CONFIG = """\
listen = "127.0.0.1:{proxy}"
data_dir = {data_dir}
stdout = false

[admin]
listen = "127.0.0.1:{admin}"

[[providers]]
name = "openai"
base_url = "{upstream}/v1"
api_key = "caller"
default = true
models = ["*"]

[pricing."gpt-4"]
input = 0.03
output = 0.06

[energy_rates]
"gpt-4" = 0.005
"""


def main(weir):
    # An end from outside is an ordinary exit: what was started is then stopped on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("tests/sdk: terminated"))
    with tempfile.TemporaryDirectory(prefix="weir-sdk-") as folder:
        passed, failed = run_all(weir, Path(folder))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def run_all(weir, folder):
    env = clean_environment()
    provider, addresses = start_provider(env)
    try:
        server, proxy = start_weir(weir, folder, addresses["behind"], env)
        try:
            env |= {
                "WEIR_SDK_DIRECT": addresses["direct"],
                "WEIR_SDK_BEHIND": addresses["behind"],
                "WEIR_SDK_PROXY": proxy,
                "WEIR_SDK_JOURNAL": str(folder / "data" / "journal"),
            }
            results = [run_python("client", folder, env), run_node(folder, env)]
        finally:
            stopped = stop_weir(server)
        # The books are compared once Weir is gone: then nothing may be missing, torn or still to come.
        results += [stopped, run_python("books", folder, env)]
        if any(failed for _, failed in results):
            print("--- what Weir said:", (folder / "weir.log").read_text(errors="replace")[-4000:], sep="\n")
        return sum(p for p, _ in results), sum(f for _, f in results)
    finally:
        provider.stdin.close()
        wait_or_kill(provider)


def clean_environment():
    """Proxies and keys of whoever runs this must not take part."""
    foreign = ("OPENAI_", "WEIR_SDK_")
    return {k: v for k, v in os.environ.items() if not k.startswith(foreign) and not k.lower().endswith("_proxy")}


def start_provider(env):
    command = ["node", str(HERE / "upstream.mjs")]
    provider = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
    ready, _, _ = select.select([provider.stdout], [], [], START_SECONDS)
    line = provider.stdout.readline() if ready else ""
    if not line:
        provider.kill()
        sys.exit("tests/sdk: the mock provider did not start")
    return provider, json.loads(line)


def start_weir(weir, folder, upstream, env):
    proxy, admin = find_free_ports(2)
    config = folder / "weir.toml"
    # A JSON string is a TOML string too.
    data_dir = json.dumps(str(folder / "data"))
    config.write_text(CONFIG.format(proxy=proxy, admin=admin, data_dir=data_dir, upstream=upstream))
    with open(folder / "weir.log", "wb") as log:
        command = [weir, "serve", "--config", str(config)]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, env=env)
    ready = False
    try:
        ready = wait_until_ready(server, f"http://127.0.0.1:{admin}/readyz")
    finally:
        # Also when it was this run that was ended: nothing is left behind.
        if not ready:
            stop_weir(server)
    if not ready:
        sys.exit("tests/sdk: Weir did not become ready:\n" + (folder / "weir.log").read_text(errors="replace")[-4000:])
    return server, f"http://127.0.0.1:{proxy}"


def find_free_ports(count):
    # All are held open until the last is known, so that no two are the same.
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait_until_ready(server, url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with opener.open(url, timeout=2):
                return True
        except OSError:
            time.sleep(0.05)
    return False


def stop_weir(server):
    """Weir ends by itself, with 0, after SIGTERM: counted like a test."""
    server.send_signal(signal.SIGTERM)
    code = wait_or_kill(server)
    if code == 0:
        return 1, 0
    print(f"FAILED: after SIGTERM Weir ended with {code}, not 0 within {STOP_SECONDS} seconds")
    return 0, 1


def wait_or_kill(process):
    try:
        return process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None


def run_python(name, folder, env):
    report = folder / f"{name}.xml"
    # No cache and no compiled files: a test run leaves nothing in the source tree.
    env = env | {"PYTHONDONTWRITEBYTECODE": "1"}
    suite = HERE / "python" / f"test_{name}.py"
    options = ["-q", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}"]
    return run_suite([sys.executable, "-m", "pytest", *options, str(suite)], report, env)


def run_node(folder, env):
    report, story = folder / "node.xml", folder / "node.txt"
    reporters = ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    reporters += ["--test-reporter=spec", f"--test-reporter-destination={story}"]
    passed, failed = run_suite(["node", "--test", *reporters, str(HERE / "node" / "client.test.mjs")], report, env)
    # Node has no reporter that is quiet about what passes and says all about what fails.
    if failed and story.exists():
        print(story.read_text(errors="replace"))
    print(f"{passed} passed, {failed} failed in Node", flush=True)
    return passed, failed


def run_suite(command, report, env):
    try:
        code = subprocess.run(command, env=env, timeout=SUITE_SECONDS, cwd=HERE).returncode
    except subprocess.TimeoutExpired:
        print(f"FAILED: no end within {SUITE_SECONDS} seconds: {' '.join(command)}")
        return 0, 1
    passed, failed = count_results(report)
    # A suite that broke before it could report has failed all the same.
    return passed, failed or int(code != 0)


def count_results(report):
    if not report.exists():
        return 0, 0
    cases = list(xml.parse(report).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - failed - skipped, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
