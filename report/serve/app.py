"""The application of `mlmon serve`: addresses, who may see them, and forms that act."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from mlmon.alerting.actions.incident_actions import ClosedIncidentError, UnknownIncidentError
from mlmon.alerting.incidents.people import clean_name
from mlmon.elastic.errors import ClusterError, UserError
from mlmon.report.serve.acts import UnconfirmedError, act_named
from mlmon.report.serve.guard import Guard, is_own
from mlmon.report.serve.incident_pages import INCIDENTS, IncidentPages, Visitor
from mlmon.report.serve.pages import START, Pages, asset
from mlmon.report.serve.report_pages import POLICY, REPORTS
from mlmon.report.serve.sessions import LIFETIME_S, Sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from mlmon.report.serve.acts import Act
    from mlmon.report.serve.people import People
    from mlmon.report.serve.reach import Reach

    _MakePage = Callable[[Visitor], str]

_TYPES: Final = {"css": "text/css", "js": "text/javascript"}
_LONGEST_FORM: Final = 64 * 1024
_MOST_FIELDS: Final = 500
_FORM: Final = "application/x-www-form-urlencoded"
_CHANGED: Final = (
    "The incident has changed since the page was loaded: see its state below, then decide again."
)
_FOREIGN: Final = (
    "This form did not come from a page of this server, or is too old. Load the page again."
)


class App:
    """Answers requests.

    Args:
        pages: The dashboards.
        incidents: The pages of incidents.
        reach: Which names it answers to, and whether it shows pages to everybody.
        people: How people sign in; None where they cannot.
    """

    def __init__(
        self, pages: Pages, incidents: IncidentPages, reach: Reach, people: People | None
    ) -> None:
        self._pages, self._incidents = pages, incidents
        self._reach, self._people = reach, people
        self._sessions = Sessions()
        # One act on an incident at a time, so that of two people one sees what the other did.
        self._acting: dict[str, threading.Lock] = {}
        port = urlsplit(reach.url).port
        # Cookies do not distinguish ports: two servers on one machine need two names.
        self._cookie = f"__Host-mlmon_{port}" if reach.secure else f"mlmon_{port}"

    def asgi(self) -> Starlette:
        """Return it as an ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._start),
                Route("/state", self._state),
                Route("/assets/{name}", self._asset),
                Route("/sign-in", self._sign_in_page),
                Route("/sign-in", self._sign_in, methods=["POST"]),
                Route("/sign-out", self._sign_out, methods=["POST"]),
                Route(REPORTS, self._reports),
                Route(REPORTS + "/{name}", self._report),
                Route(INCIDENTS, self._index),
                Route(INCIDENTS + "/{incident}", self._incident),
                Route(INCIDENTS + "/{incident}/{act}", self._confirmation),
                Route(INCIDENTS + "/{incident}/{act}", self._act, methods=["POST"]),
                Route("/{name}", self._dashboard),
                Route("/{name}/content", self._content),
                Route("/{name}/section/{number:int}", self._section),
            ],
            middleware=[Middleware(Guard, reach=self._reach)],
            exception_handlers={
                HTTPException: self._no_page,
                UnknownIncidentError: self._unknown_incident,
                UserError: self._not_answered,
            },
        )

    def _start(self, _request: Request) -> Response:
        return RedirectResponse(f"/{START}", HTTPStatus.FOUND)

    def _state(self, request: Request) -> Response:
        self._check_may_read(request)
        return PlainTextResponse(self._pages.state())

    def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        body = asset(name)
        if body is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        kind = _TYPES[name.rpartition(".")[2]]
        return Response(body, media_type=kind, headers={"Cache-Control": "max-age=3600"})

    def _dashboard(self, request: Request) -> Response:
        self._check_may_read(request)
        name, query = request.path_params["name"], request.url.query
        return _page(self._pages.page(name, query, _now()))

    def _content(self, request: Request) -> Response:
        self._check_may_read(request)
        name, query = request.path_params["name"], request.url.query
        return _page(self._pages.content(name, query, _now()))

    def _section(self, request: Request) -> Response:
        self._check_may_read(request)
        name, number = request.path_params["name"], request.path_params["number"]
        return _page(self._pages.section(name, number, request.url.query, _now()))

    def _reports(self, request: Request) -> Response:
        self._check_may_read(request)
        return self._form_page(request, self._incidents.report_index)

    def _report(self, request: Request) -> Response:
        """Return another library's report, whose scripts get no origin."""
        self._check_may_read(request)
        page = self._incidents.reports.page(request.path_params["name"])
        if page is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    def _index(self, request: Request) -> Response:
        self._check_may_read(request)
        return self._form_page(request, lambda visitor: self._incidents.index(visitor, _now()))

    def _incident(self, request: Request) -> Response:
        self._check_may_read(request)
        name, done = request.path_params["incident"], request.query_params.get("done", "")
        return self._form_page(
            request, lambda visitor: self._incidents.incident(name, visitor, _now(), done)
        )

    def _confirmation(self, request: Request) -> Response:
        self._check_may_read(request)
        act = self._named_act(request)
        name = request.path_params["incident"]
        return self._form_page(
            request, lambda visitor: self._incidents.confirmation(name, act, visitor, _now())
        )

    async def _act(self, request: Request) -> Response:
        form = await _read_form(request)
        return await run_in_threadpool(self._carry_out, request, form)

    def _carry_out(self, request: Request, form: dict[str, str]) -> Response:
        """Do what a form asks for, as the person who signed in."""
        act, name = self._named_act(request), request.path_params["incident"]
        session = self._session(request)
        by = self._sessions.person(session, time.monotonic())
        if by is None:
            raise HTTPException(HTTPStatus.UNAUTHORIZED, "Sign in to act.")
        self._check_form(request, session, form)
        actions = self._incidents.actions
        error, status = "", HTTPStatus.OK
        unconfirmed = None
        incident = actions.find(name).id
        with self._acting.setdefault(incident, threading.Lock()):
            record = actions.find(incident)
            if act.careful and form.get("seen") != actions.mark(record):
                error, status = _CHANGED, HTTPStatus.CONFLICT
            else:
                try:
                    act.do(actions, record.id, by, form, _now())
                except ClosedIncidentError as closed:
                    error, status = f"{closed.message}. {closed.hint}", HTTPStatus.CONFLICT
                except UnconfirmedError as asked:
                    unconfirmed = asked
                except ClusterError:
                    raise
                except UserError as wrong:
                    error = f"{wrong.message}. {wrong.hint}".strip()
                    status = HTTPStatus.UNPROCESSABLE_ENTITY
        if not error and unconfirmed is None:
            back = f"{INCIDENTS}/{record.id}?done={act.name}"
            return RedirectResponse(back, HTTPStatus.SEE_OTHER)
        page = self._incidents.confirmation(
            name,
            act,
            self._visitor(session),
            _now(),
            error=error,
            given=form,
            unconfirmed=unconfirmed,
        )
        return HTMLResponse(page, status)

    def _sign_in_page(self, request: Request) -> Response:
        people = self._signing_in()
        back = _local(request.query_params.get("back", ""))
        return self._form_page(
            request, lambda visitor: self._incidents.sign_in(visitor, people, back)
        )

    async def _sign_in(self, request: Request) -> Response:
        form = await _read_form(request)
        return await run_in_threadpool(self._let_in, request, form)

    def _let_in(self, request: Request, form: dict[str, str]) -> Response:
        """Sign a person in whose credentials are right."""
        people, session, now = self._signing_in(), self._session(request), time.monotonic()
        self._check_form(request, session, form)
        address = request.client.host if request.client else ""
        if not self._sessions.may_try(address, now):
            raise HTTPException(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Signing in failed too often. Try again in a minute.",
                {"Retry-After": "60"},
            )
        back, typed = _local(form.get("back", "")), clean_name(form.get("name", ""))
        error = "Not known. Correct the name or the secret."
        try:
            name = people.known(typed, form.get("secret", ""))
        except ClusterError:
            raise
        except UserError as refused:
            name, error = None, f"{refused.message}. {refused.hint}"
        if name is None:
            self._sessions.failed(address, now)
            page = self._incidents.sign_in(
                self._visitor(session), people, back, error=error, name=typed
            )
            return HTMLResponse(page, HTTPStatus.FORBIDDEN)
        # A new id, so that one which somebody else planted is worth nothing.
        answer = RedirectResponse(back, HTTPStatus.SEE_OTHER)
        self._set_cookie(answer, self._sessions.open(clean_name(name), now))
        return answer

    async def _sign_out(self, request: Request) -> Response:
        form, session = await _read_form(request), self._session(request)
        self._check_form(request, session, form)
        self._sessions.close(session)
        answer = RedirectResponse(INCIDENTS, HTTPStatus.SEE_OTHER)
        answer.delete_cookie(self._cookie, secure=self._reach.secure, httponly=True)
        return answer

    def _form_page(self, request: Request, page: _MakePage) -> Response:
        """Return a page with forms, and a cookie to those who have none yet."""
        session = self._session(request)
        fresh = session or self._sessions.new_id()
        answer = HTMLResponse(page(self._visitor(fresh)))
        if not session:
            self._set_cookie(answer, fresh)
        return answer

    def _visitor(self, session: str) -> Visitor:
        name = self._sessions.person(session, time.monotonic())
        return Visitor(name, self._sessions.form_token(session), self._people is not None)

    def _session(self, request: Request) -> str:
        return request.cookies.get(self._cookie, "")

    def _set_cookie(self, answer: Response, session: str) -> None:
        answer.set_cookie(
            self._cookie,
            session,
            max_age=int(LIFETIME_S),
            secure=self._reach.secure,
            httponly=True,
            # `strict` would sign out who comes by a link in a message.
            samesite="lax",
        )

    def _signing_in(self) -> People:
        if self._people is None:
            raise HTTPException(HTTPStatus.NOT_FOUND, "Nobody can sign in: this server only shows.")
        return self._people

    def _check_may_read(self, request: Request) -> None:
        """Send who has to sign in before reading to the page for it."""
        if not self._reach.closed:
            return
        if self._sessions.person(self._session(request), time.monotonic()) is not None:
            return
        address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise HTTPException(
            HTTPStatus.SEE_OTHER, headers={"Location": f"/sign-in?back={quote(address, safe='')}"}
        )

    def _check_form(self, request: Request, session: str, form: dict[str, str]) -> None:
        """Refuse a form that another site sent."""
        if not is_own(request.headers, self._reach) or not self._sessions.fits(
            session, form.get("form", "")
        ):
            raise HTTPException(HTTPStatus.FORBIDDEN, _FOREIGN)

    def _named_act(self, request: Request) -> Act:
        act = act_named(request.path_params["act"])
        if act is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return act

    def _no_page(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        if error.status_code == HTTPStatus.SEE_OTHER:
            return Response(status_code=error.status_code, headers=error.headers)
        text = error.detail
        if error.status_code == HTTPStatus.NOT_FOUND and text == HTTPStatus.NOT_FOUND.phrase:
            text = "There is no such page."
        return self._message(request, HTTPStatus(error.status_code), text, error.headers)

    def _unknown_incident(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, UserError)  # noqa: S101 - registered for it
        text = f"{error.message}. {error.hint}"
        return self._message(request, HTTPStatus.NOT_FOUND, text)

    def _not_answered(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, UserError)  # noqa: S101 - registered for it
        return self._message(request, HTTPStatus.BAD_GATEWAY, f"{error.message}. {error.hint}")

    def _message(
        self, request: Request, status: HTTPStatus, text: str, headers: object = None
    ) -> Response:
        visitor = self._visitor(self._session(request))
        page = self._incidents.message(visitor, status.phrase, text)
        given = dict(headers) if isinstance(headers, dict) else None
        return HTMLResponse(page, status, given)


def _page(body: str | None) -> Response:
    if body is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return HTMLResponse(body)


def _now() -> datetime:
    return datetime.now(UTC)


def _local(address: str) -> str:
    """Return an address of this server, that of the incidents where another was given."""
    parts = urlsplit(address)
    unsafe = parts.scheme or parts.netloc or "\\" in address or not address.isprintable()
    if unsafe or not address.startswith("/") or address.startswith("//"):
        return INCIDENTS
    return address


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form.

    Raises:
        HTTPException: It is too long, or no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != _FORM:
        raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send a form.")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too long.")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise HTTPException(HTTPStatus.BAD_REQUEST, "The form cannot be read.") from None
    return dict(pairs)
