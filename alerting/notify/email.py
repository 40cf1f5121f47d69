"""E-mail over SMTP: text and HTML, with the incident as the thread."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path  # noqa: TC003 - pydantic reads it
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from mlmon.alerting.notify.notifier import TIMEOUT_S, SendResult, Sent
from mlmon.alerting.notify.route import Route, read_secret_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import SecretStr

    from mlmon.alerting.notify.message import Message


class EmailRoute(Route):
    """E-mail as it is declared."""

    type: Literal["email"] = Field(description="kind of channel")
    to: tuple[str, ...] = Field(description="addresses of e-mail recipients", min_length=1)
    sender: str = Field("mlmon@localhost", description="sender of e-mail")
    host: str = Field("localhost", description="SMTP server")
    port: int = Field(587, gt=0, lt=65_536, description="port of the SMTP server")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="encryption of the SMTP connection"
    )
    username: str | None = Field(None, description="user at the SMTP server")
    password_file: Path | None = Field(None, description="file that holds the SMTP password")
    password_env: str | None = Field(
        None, description="environment variable that holds the SMTP password"
    )
    password_keyring: str | None = Field(
        None, description="service of the keyring that holds the SMTP password"
    )

    @model_validator(mode="after")
    def _check_login(self) -> Self:
        given = [value for value in self._passwords if value is not None]
        if len(given) > 1:
            raise ValueError("give one of password_file, password_env, password_keyring")
        if (self.username is None) is bool(given):
            raise ValueError(
                "a login needs username and one of password_file, password_env, password_keyring"
            )
        return self

    @property
    def _passwords(self) -> tuple[Path | None, str | None, str | None]:
        return self.password_file, self.password_env, self.password_keyring

    def notifier(self) -> Email:
        """Return the channel."""
        password = None if self.username is None else read_secret_from("password", *self._passwords)
        return Email(
            self.host, self.port, self.sender, self.to, self.security, self.username, password
        )


_PERMANENT = 500
_TAKEN_S = 60.0
"""So long the server may take to say that it took the e-mail. It may have taken it although no
answer came in time, and would get it again (RFC 5321, 4.5.3.2.6, asks for ten minutes)."""


@dataclass(frozen=True, slots=True)
class Email:
    """Sends e-mails.

    Args:
        host: SMTP server.
        port: Its port.
        sender: Address in `From`.
        to: Addresses.
        security: `starttls`, `tls`, or `none` for a server on this machine.
        username: For authentication; None goes without.
        password: Its password.
    """

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    security: str = "starttls"
    username: str | None = None
    password: SecretStr | None = None
    digests: ClassVar[bool] = True

    def send(self, message: Message) -> SendResult:
        """Send one e-mail to all addresses; refused by the server for good, it is not retried.

        A refused login or sender is retried: a person corrects it, and no message is lost.
        """
        try:
            with self._connected() as server:
                refused = server.send_message(self._mail(message), self.sender, list(self.to))
        except (
            smtplib.SMTPAuthenticationError,
            smtplib.SMTPConnectError,
            smtplib.SMTPHeloError,
            smtplib.SMTPSenderRefused,
        ) as error:
            return SendResult(Sent.RETRY, f"SMTP {error.smtp_code}")
        except smtplib.SMTPResponseException as error:
            kind = Sent.REFUSED if error.smtp_code >= _PERMANENT else Sent.RETRY
            return SendResult(kind, f"SMTP {error.smtp_code}")
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            kind = Sent.REFUSED if min(codes) >= _PERMANENT else Sent.RETRY
            return SendResult(kind, f"recipients refused: SMTP {codes[0]}")
        except (smtplib.SMTPException, OSError) as error:
            return SendResult(Sent.RETRY, type(error).__name__)
        if refused:
            code = next(iter(refused.values()))[0]
            why = f"{len(refused)} of {len(self.to)} recipients refused: SMTP {code}"
            return SendResult(Sent.DONE, why)
        return SendResult(Sent.DONE)

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """Log in and yield the connection; how it ends does not matter to what was taken."""
        context = ssl.create_default_context()
        if self.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=TIMEOUT_S, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT_S)
        try:
            if self.security == "starttls":
                server.starttls(context=context)
            if self.username is not None and self.password is not None:
                server.login(self.username, self.password.get_secret_value())
            _wait_at_most(server, _TAKEN_S)
            yield server
            _wait_at_most(server, TIMEOUT_S)
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        # A title that names what was logged may hold line breaks, which a header must not.
        mail["Subject"] = " ".join(message.title.split())[:200]
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        # The same for the same change: a repetition is one mail to most readers.
        mail["Message-ID"] = f"<{message.id}@mlmon>"
        if message.incident:
            mail["References"] = f"<incident-{message.incident}@mlmon>"
        mail.set_content(message.text)
        mail.add_alternative(message.html, subtype="html")
        return mail


def _wait_at_most(server: smtplib.SMTP, seconds: float) -> None:
    if server.sock is not None:
        server.sock.settimeout(seconds)
