"""Mail over a server that wants encryption and a login: what arrives, and that no password goes where it should not."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.alert_receivers import MailReceiver, certificate
from support.observed_warehouse import PlantedWarehouse

from tools.alerts.__main__ import main

USER, PASSWORD = "strata@example.com", "p@ss:w/rd 1"
IN_ADDRESS = "strata%40example.com:p%40ss%3Aw%2Frd%201"

Server = Callable[..., MailReceiver]


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    return certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture(autouse=True)
def failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warehouse with something to tell."""
    for name in [name for name in os.environ if name.startswith("STRATA_ALERTS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STRATA_WAREHOUSE", str(tmp_path / "w.duckdb"))
    monkeypatch.setenv("STRATA_TARGET", "dev")
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("STRATA_ALERTS_MAIL_FROM", "Strata <strata@example.com>")
    monkeypatch.setenv("STRATA_ALERTS_MAIL_TO", "data@example.com")
    PlantedWarehouse(tmp_path / "w.duckdb").invocation({"fct_unit_profit": "error"})


@pytest.fixture
def server(identity: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Starts a mail server that knows one user; its certificate is trusted, unless said otherwise."""
    started: list[MailReceiver] = []
    context, file = identity

    def start(*, tls: bool = True, is_trusted: bool = True, is_tls_first: bool = False) -> MailReceiver:
        if is_trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(file))
        started.append(MailReceiver(context if tls else None, is_tls_first=is_tls_first, users={USER: PASSWORD}))
        scheme = "smtps" if is_tls_first else "smtp"
        monkeypatch.setenv("STRATA_ALERTS_SMTP_URL", f"{scheme}://{IN_ADDRESS}@127.0.0.1:{started[-1].port}")
        return started[-1]

    yield start
    for receiver in started:
        receiver.stop()


@pytest.mark.parametrize("is_tls_first", [False, True])
def test_a_mail_goes_encrypted_and_after_a_login(server: Server, is_tls_first: bool) -> None:
    mail = server(is_tls_first=is_tls_first)
    assert main([]) == 0
    assert mail.logins == [(USER, PASSWORD)]
    (told,) = mail.received
    assert told["To"] == "data@example.com" and "model fct_unit_profit failed" in told.get_content()
    words = [line.split()[0].upper() for line in mail.in_clear]
    assert words == ([] if is_tls_first else [b"EHLO", b"STARTTLS"])
    assert main([]) == 0 and len(mail.received) == 1


def test_a_wrong_password_is_told_without_it_and_the_mail_waits(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = server()
    right = os.environ["STRATA_ALERTS_SMTP_URL"]
    monkeypatch.setenv("STRATA_ALERTS_SMTP_URL", right.replace("rd%201", "ng"))
    assert main([]) == 1 and mail.received == []
    said = capsys.readouterr()
    assert "mail over 127.0.0.1: SMTPAuthenticationError 535" in said.err
    assert "p@ss" not in said.err + said.out
    monkeypatch.setenv("STRATA_ALERTS_SMTP_URL", right)
    assert main([]) == 0 and len(mail.received) == 1


@pytest.mark.parametrize("is_tls_first", [False, True])
def test_a_server_that_cannot_prove_who_it_is_gets_no_password(
    server: Server, is_tls_first: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    mail = server(is_trusted=False, is_tls_first=is_tls_first)
    assert main([]) == 1
    assert mail.logins == [] and mail.received == []
    assert "SSLCertVerificationError" in capsys.readouterr().err


def test_a_server_without_encryption_gets_no_password(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    mail = server(tls=False)
    assert main([]) == 1
    assert mail.logins == [] and mail.received == []
    assert "offers no encryption, so no password is sent" in capsys.readouterr().err
