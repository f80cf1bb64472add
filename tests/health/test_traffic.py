"""The flag that takes a host out of traffic."""

from __future__ import annotations

import os
import stat
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from artisan_monitoring.health import traffic


@pytest.fixture
def temporary(monkeypatch, tmp_path, settings):
    """Let the default path lie in a directory of this test."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    settings.ARTISAN_MONITORING = {"SERVICE": "shop/web 1"}
    return tmp_path


def test_on_and_off(temporary):
    assert not traffic.draining()
    traffic.drain()
    traffic.drain()
    assert traffic.draining()
    traffic.undrain()
    traffic.undrain()
    assert not traffic.draining()


def test_the_default_is_a_file_per_service(temporary):
    assert traffic.drain_file() == temporary / "artisan_monitoring.shop_web_1.drain"
    traffic.drain()
    assert stat.S_IMODE(traffic.drain_file().stat().st_mode) & 0o022 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_strangers_file_in_the_shared_directory_drains_nothing(temporary):
    traffic.drain_file().touch()
    os.chown(traffic.drain_file(), 65534, 65534)
    assert not traffic.draining()
    with pytest.raises(FileExistsError):
        traffic.drain()


def test_a_link_in_the_shared_directory_drains_nothing(temporary):
    target = temporary / "target"
    target.touch()
    traffic.drain_file().symlink_to(target)
    assert not traffic.draining()


def test_a_path_of_ones_own_may_be_made_by_anything(temporary, configure):
    configure(DRAIN_FILE=str(temporary / "drain.d"))
    (temporary / "drain.d").mkdir()
    assert traffic.draining()


def test_command(temporary):
    def run(state):
        out = StringIO()
        call_command("monitoring_drain_traffic", state, stdout=out)
        return out.getvalue()

    assert run("status").startswith("in traffic")
    assert run("on").startswith("out of traffic since 20")
    assert run("status").startswith("out of traffic since 20")
    assert run("off").startswith("in traffic")


def test_command_says_when_it_cannot(temporary, configure):
    configure(DRAIN_FILE=str(temporary / "no" / "such" / "directory"))
    with pytest.raises(CommandError, match="No such file"):
        call_command("monitoring_drain_traffic", "on", stdout=StringIO())
