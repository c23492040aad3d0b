"""
The page that leads to a rehearsal with one's own service, followed as it is written.
"""

import socket
from pathlib import Path

import pytest
from chaos_command import chaos, on_free_ports
from markdown_pages import read
from own_services import answering, listening
from places import ROOT

PAGE = read(ROOT / "docs" / "rehearse-my-own-service.md")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """The page's experiment in a folder, and the variables that put it on free ports."""
    text = PAGE.blocks("yaml")[0].text.replace("tolerance: 200", "tolerance: 204")
    (tmp_path / "my-service.yaml").write_text(text, encoding="utf-8")
    return on_free_ports("dual-circuit", tmp_path)


@pytest.mark.long
def test_own_service_survives_the_cut(settings: dict[str, str], tmp_path: Path) -> None:
    """The check says that it can be cut, and the run ends with the lines of the page."""
    with listening(answering) as address:
        settings["MY_SERVICE"] = address

        checked = chaos("failover", "check", "my-service.yaml", folder=tmp_path, **settings)
        done = chaos("run", "my-service.yaml", folder=tmp_path, **settings)

    log = done.stderr + done.stdout
    assert checked.returncode == done.returncode == 0, log
    target, answer = checked.stdout.splitlines()[-2:]
    assert target.split() == ["ok", "target", "my-service:", "answers"]
    assert answer in PAGE.text
    assert "VERDICT: held. The hypothesis was met after the method. my-service was down for " in log
    assert (tmp_path / "failover-report.html").exists()


def test_port_that_serves_nothing_is_named(settings: dict[str, str], tmp_path: Path) -> None:
    """The reader sees the lines of the page, and that nothing was cut."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{free.getsockname()[1]}"

        done = chaos(
            "failover", "check", "my-service.yaml", folder=tmp_path, **settings, MY_SERVICE=address
        )

    said = f"its upstream {address} cannot be reached: Connection refused; "
    said += "start what is to answer there, or name another upstream"
    answer = done.stdout.splitlines()[-1]
    assert done.returncode == 1
    assert said in answer
    assert answer.replace(address, "127.0.0.1:3000") in PAGE.text
    assert answer.startswith("NO: the run would be refused, and nothing cut: ")
