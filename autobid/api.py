"""The HTTP interface: predictions, reloading, health and metrics.

A body that cannot be predicted is answered with 400 (FastAPI's own 422 is not used: the body is
read here), a request while no model is loaded with 503. Errors are JSON:
`{"error": {"code": …, "message": …}}`. Each request leaves an access event and, when answered, a
prediction event of the same `trace.id`, which the answer carries as `trace_id`.
"""

import time
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.exceptions import HTTPException

from mlmon.autobid.clock import NanosecondClock, to_datetime
from mlmon.autobid.model_store import ModelNotFoundError
from mlmon.autobid.opportunity import BadInputError, complaints, parse_opportunity
from mlmon.autobid.prediction_service import ModelNotLoadedError, PredictionService, ScoredBid
from mlmon.autobid.routes import HEALTH_PATH, PREDICT_PATH, RELOAD_PATH
from mlmon.logging_config import AccessLog, current_trace_id, set_error_code
from mlmon.logging_config.prometheus import expose

REFUSALS: dict[type[Exception], tuple[HTTPStatus, str]] = {
    BadInputError: (HTTPStatus.BAD_REQUEST, "bad_input"),
    ModelNotLoadedError: (HTTPStatus.SERVICE_UNAVAILABLE, "model_not_loaded"),
    ModelNotFoundError: (HTTPStatus.SERVICE_UNAVAILABLE, "model_not_readable"),
}
"""Answers of refused requests: status and code."""


class ReloadRequest(BaseModel):
    """Version to load; none is the newest."""

    model_config = ConfigDict(strict=True, extra="forbid")

    version: str | None = None


def create_app(
    service: PredictionService,
    *,
    clock: NanosecondClock = time.time_ns,
    registry: CollectorRegistry | None = None,
) -> AccessLog:
    """The application around one service.

    Args:
        service: predicts; its log receives the access events too.
        clock: returns when a request was received.
        registry: what `/metrics` serves, besides the counts of requests; by default nothing else.
    """
    app = FastAPI(title="autobid", docs_url=None, redoc_url=None)

    @app.post(PREDICT_PATH)
    async def predict_success_proba(request: Request) -> dict[str, Any]:
        opportunity = parse_opportunity(await request.body())
        [prediction] = service.score([opportunity], [to_datetime(clock())])
        service.record(prediction)
        return answer(prediction, service.threshold)

    @app.post(RELOAD_PATH)
    async def reload_model(request: Request) -> dict[str, Any]:
        return asdict(service.reload(parse_reload(await request.body()).version))

    @app.get(HEALTH_PATH)
    async def health() -> dict[str, Any]:
        return {"status": "ok", "model": asdict(service.model) if service.model else None}

    for refusal in REFUSALS:
        app.add_exception_handler(refusal, refuse)
    app.add_exception_handler(HTTPException, refuse_unknown)
    app.add_exception_handler(Exception, fail)
    expose(app, registry or CollectorRegistry())
    # Outermost, so that the answers to errors of our own are seen too.
    return AccessLog(app, service.log)


def answer(prediction: ScoredBid, threshold: float) -> dict[str, Any]:
    """The body a client gets for a prediction."""
    return {
        "prediction_id": prediction.id,
        "success_probability": prediction.score,
        "threshold": threshold,
        "approved": prediction.approved,
        "model": asdict(prediction.model),
        "profile_historical_stats": prediction.stats.status,
        "trace_id": current_trace_id(),
    }


def parse_reload(body: bytes) -> ReloadRequest:
    """Read which model to load; an empty body asks for the newest.

    Raises:
        BadInputError: the body is neither empty nor `{"version": "<version>"}`.
    """
    try:
        return ReloadRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise BadInputError(complaints(error)) from None


async def refuse(_request: Request, error: Exception) -> JSONResponse:
    """Answer what the service refused."""
    status, code = REFUSALS[type(error)]
    return _error(status, code, str(error))


async def refuse_unknown(_request: Request, error: Exception) -> JSONResponse:
    """Answer a path or method that is not served."""
    status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 404)
    return _error(status, status.name.lower(), status.phrase)


async def fail(_request: Request, _failure: Exception) -> JSONResponse:
    """Answer an error of our own; what it was stands in the log."""
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    return _error(status, "internal_error", "the service failed; see its log")


def _error(status: HTTPStatus, code: str, message: str) -> JSONResponse:
    # The access event carries the same code.
    set_error_code(code)
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)
