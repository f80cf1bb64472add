"""A real Prometheus of the machine, with its promtool: Debian's package, or what PROMETHEUS_BIN names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from tests.services.process import Server, ServiceMissing


class Prometheus(NamedTuple):
    """The two programs."""

    server: str
    promtool: str


def find_prometheus() -> Prometheus:
    """Return the programs, or raise `ServiceMissing`. promtool stands beside the server or on the path."""
    named = os.environ.get("PROMETHEUS_BIN")
    server = shutil.which(named or "prometheus")
    if server is None:
        install = "no prometheus: install the system's package, or set PROMETHEUS_BIN"
        raise ServiceMissing(f"PROMETHEUS_BIN={named} is not a program" if named else install)
    promtool = shutil.which(str(Path(server).with_name("promtool"))) or shutil.which("promtool")
    if promtool is None:
        raise ServiceMissing("no promtool beside prometheus")
    return Prometheus(server, promtool)


class PrometheusServer(Server):
    """One Prometheus that scrapes one address, four times a second.

    With `native` it is told to take native histograms, and so asks for protobuf; else it asks for OpenMetrics.
    """

    def __init__(self, programs: Prometheus, target: str, path: str, token: str, *, native: bool = True) -> None:
        self.programs = programs
        self.native = native
        super().__init__()
        config = {
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "1h"},
            "scrape_configs": [
                {
                    "job_name": "shop",
                    "metrics_path": path,
                    "authorization": {"credentials": token},
                    "static_configs": [{"targets": [target]}],
                }
            ],
        }
        # JSON is YAML.
        (self.directory / "prometheus.yml").write_text(json.dumps(config))

    def command(self) -> list[str]:
        """Return the server's command line."""
        features = ["exemplar-storage", *(["native-histograms"] if self.native else [])]
        return [
            self.programs.server,
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--enable-feature={','.join(features)}",
        ]

    def is_ready(self) -> bool:
        """Say whether it serves queries."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1) as response:
            return bool(response.status == 200)

    def api(self, path: str, **parameters: str) -> Any:
        """Return the data of an API call; fail with what Prometheus says about a bad one."""
        asked = urllib.parse.urlencode(parameters)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{asked}", timeout=10) as response:
                return json.load(response)["data"]
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{parameters}: {refused.read().decode()}") from None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return what an expression is now: labels and value of each series; a histogram's value is its count."""
        found = self.api("query", query=expression)["result"]
        return [(each["metric"], _number(each)) for each in found]

    def value(self, expression: str) -> float:
        """Return the one number that an expression is now."""
        ((_, number),) = self.query(expression)
        return number

    def wait_for(self, expression: str, timeout_s: float = 10) -> list[tuple[dict[str, str], float]]:
        """Return what an expression is as soon as it is anything."""
        deadline = time.monotonic() + timeout_s
        while not (found := self.query(expression)):
            if time.monotonic() > deadline:
                targets = self.api("targets")["activeTargets"]
                raise AssertionError(f"{expression} stays empty; {[each['lastError'] for each in targets]}")
            time.sleep(0.05)
        return found


def _number(found: dict[str, Any]) -> float:
    return float(found["value"][1] if "value" in found else found["histogram"][1]["count"])


def check_metrics(programs: Prometheus, text: bytes) -> str:
    """Return what `promtool check metrics` has to say about a scrape: nothing, if it is as it should be."""
    done = subprocess.run(
        [programs.promtool, "check", "metrics"], input=text, capture_output=True, timeout=30, check=False
    )
    return (done.stdout + done.stderr).decode()
