"""`manage.py demo`, as a person runs it."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from urllib.request import urlopen

from testproject.demo.pace import BURST_EVERY_S, Pace, rate_at
from tests.testproject.conftest import Demo, manage

COUNTED = re.compile(r"^  (?P<what>\S.*?) +(?P<here>\d+) +(?P<store>\d+)  (?P<verdict>same|DIFFERENT)$", re.MULTILINE)


def test_demo_ends_by_itself_and_the_store_has_exactly_what_was_sent(tmp_path: Path) -> None:
    done = manage(tmp_path, "demo", DEMO_SECONDS="8", DEMO_PORT="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    counted = {found["what"]: (int(found["here"]), int(found["store"])) for found in COUNTED.finditer(done.stdout)}
    sent, stored = counted["requests sent by the driver"]
    assert sent == stored
    assert sent > 80
    assert all(here == there for here, there in counted.values()), done.stdout
    assert "Requests by route" in done.stdout
    assert "The store has exactly what was sent." in done.stdout


def test_second_run_in_the_same_minute_counts_only_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        done = manage(tmp_path, "demo", DEMO_SECONDS="2", DEMO_PORT="0")
        assert done.returncode == 0, done.stdout + done.stderr


def test_log_lines_are_json_in_a_file_and_not_on_the_console(tmp_path: Path) -> None:
    done = manage(tmp_path, "demo", DEMO_SECONDS="2", DEMO_PORT="0")
    assert '{"' not in done.stdout
    lines = (tmp_path / "demo.log").read_text().splitlines()
    assert len(lines) > 20
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    demo = Demo(tmp_path)
    demo.wait_for(r"requests .* failed .* p95")
    assert demo.end(signal.SIGINT) == 0, "".join(demo.lines)
    assert "The store has exactly what was sent.\n" in demo.lines


def test_sigterm_ends_it_in_order(tmp_path: Path) -> None:
    demo = Demo(tmp_path, DEMO_RATE="0")
    assert demo.end(signal.SIGTERM) == 0, "".join(demo.lines)


def test_requests_of_a_person_count_beside_the_drivers(tmp_path: Path) -> None:
    demo = Demo(tmp_path, DEMO_RATE="0")
    for path in ("/", "/products/", "/static/shop/shop.css", "/health/"):
        with urlopen(f"http://127.0.0.1:{demo.port}{path}", timeout=20) as response:
            assert response.status == 200
    assert demo.end() == 0, "".join(demo.lines)
    counted = [found.group(0) for line in demo.lines if (found := COUNTED.search(line))]
    assert re.fullmatch(r"  requests sent by the driver and 2 by others +2 +2  same", counted[0]), counted


def test_a_loss_is_said_and_fails_the_demo(tmp_path: Path) -> None:
    without_the_last_flush = (
        "from testproject.demo import summary; summary.settle = lambda: None;"
        "from django.core.management import call_command; call_command('demo')"
    )
    done = manage(tmp_path, "shell", "-v", "0", "-c", without_the_last_flush, DEMO_SECONDS="2", DEMO_PORT="0")
    assert done.returncode != 0
    assert "The store differs from what was sent." in done.stdout
    assert re.search(r"requests sent by the driver +\d+ +\d+  DIFFERENT", done.stdout)


def test_taken_port_gives_way_to_the_next(tmp_path: Path) -> None:
    first = Demo(tmp_path / "first", DEMO_RATE="0")
    done = manage(tmp_path / "second", "demo", DEMO_SECONDS="0", DEMO_RATE="0", DEMO_PORT=str(first.port))
    first.end()
    assert done.returncode == 0, done.stderr
    taken = re.search(r"Shop +http://127\.0\.0\.1:(\d+)/", done.stdout)
    assert taken
    assert int(taken.group(1)) > first.port


def test_banner_names_address_and_log_in(tmp_path: Path) -> None:
    done = manage(tmp_path, "demo", DEMO_SECONDS="0", DEMO_RATE="0", DEMO_PORT="0", DEMO_PASSWORD="seen-once")
    assert re.search(r"Log in as +admin +password +seen-once", done.stdout)
    assert "12 artisans, 120 products, 8 promotions, 300 orders" in done.stdout


def test_wrong_numbers_are_named(tmp_path: Path) -> None:
    done = manage(tmp_path, "demo", DEMO_SECONDS="soon")
    assert done.returncode != 0
    assert "DEMO_SECONDS" in done.stderr


def test_prepare_keeps_the_password_unless_told_another(tmp_path: Path) -> None:
    first = manage(tmp_path, "prepare", DEMO_PASSWORD="")
    assert re.search(r"Log in as admin, password kiln-\S+", first.stdout), first.stderr
    assert "password as before" in manage(tmp_path, "prepare", DEMO_PASSWORD="").stdout
    assert "password another-one" in manage(tmp_path, "prepare", DEMO_PASSWORD="another-one").stdout


def test_seed_changes_nothing_the_second_time(tmp_path: Path) -> None:
    script = (
        "from django.core import serializers; from testproject.demo.show import prepare;"
        "from testproject.shop.models import *; from itertools import chain; import hashlib;"
        "dump = lambda: hashlib.sha256(serializers.serialize('json', chain(Artisan.objects.order_by('pk'),"
        " Product.objects.order_by('pk'), Promotion.objects.order_by('pk'), Order.objects.order_by('pk'),"
        " OrderLine.objects.order_by('pk'), Review.objects.order_by('pk'))).encode()).hexdigest();"
        "prepare(); first = dump(); prepare(); print(first == dump(), OrderLine.objects.count() > 300)"
    )
    assert manage(tmp_path, "shell", "-v", "0", "-c", script).stdout.strip() == "True True"


def test_rate_moves_like_a_day_with_bursts() -> None:
    rates = [rate_at(second) for second in range(60)]
    quiet = [rate for rate in rates if rate <= 25]
    assert min(quiet) < 15.2
    assert max(quiet) > 24.8
    assert rate_at(BURST_EVERY_S - 0.1) > 44


def test_pace_makes_no_flood_after_a_stall() -> None:
    pace = Pace(usual=20)
    pace._next -= 60  # nobody came through for a minute
    before = pace._next
    pace.wait()
    assert pace._next - before > 59
