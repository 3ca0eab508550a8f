"""
Spans and metrics for OpenTelemetry; ``pip install aiooctopush[otel]`` brings it::

    from aiooctopush import OctopushSession
    from aiooctopush.integrations.opentelemetry import OpenTelemetryObserver

    octopush = OctopushSession(login, key, observer=OpenTelemetryObserver())

Each call is one span, a child of the current span, with an event for each attempt.
Names follow the semantic conventions for HTTP clients. Other names begin with
``aiooctopush``. Spans contain no number, text, key or path argument.
docs/observability.md lists everything.
"""

from collections.abc import Mapping
from contextvars import Token
from functools import cache
from typing import Final
from urllib.parse import urlsplit

from attrs import define, field

from .._lazy import needs_extra
from .._version import __version__
from ..bulk.report import BulkReport
from ..errors import Outcome
from ..observer import AttemptEvent, CallEnded, CallObserver, CallStarted


with needs_extra("otel", "aiooctopush.integrations.opentelemetry"):
    from opentelemetry.context import Context, attach, detach
    from opentelemetry.metrics import Meter, MeterProvider, get_meter
    from opentelemetry.trace import (
        Span,
        SpanKind,
        StatusCode,
        TracerProvider,
        get_tracer,
        set_span_in_context,
    )

__all__ = ["OpenTelemetryObserver"]

_SCOPE: Final = "aiooctopush"
_SCHEMA: Final = "https://opentelemetry.io/schemas/1.30.0"

# Source: OpenTelemetry semantic conventions, "HTTP metrics". Seconds.
_BUCKETS: Final = (
    *(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25),
    *(0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
_PORTS: Final = {"http": 80, "https": 443}

_Value = str | bool | int | float
_Attributes = Mapping[str, _Value]


class OpenTelemetryObserver:
    """
    Reports every call of its sessions to OpenTelemetry.

    One observer serves any number of sessions.

    Args:
        tracer_provider: Makes the tracer; the global one by default.
        meter_provider: Makes the meter; the global one by default.
    """

    def __init__(
        self,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer = get_tracer(
            _SCOPE, __version__, tracer_provider, schema_url=_SCHEMA
        )
        self._metrics = _Metrics(
            get_meter(_SCOPE, __version__, meter_provider, schema_url=_SCHEMA)
        )

    def on_start(self, call: CallStarted) -> CallObserver:
        """
        Open a span for a call, and make it the current one; see `Observer.on_start`.
        """
        server = _server(call.base_url)
        where = {
            **server,
            "http.request.method": call.method,
            "url.template": call.path,
        }
        span = self._tracer.start_span(
            f"{call.method} {call.path}",
            kind=SpanKind.CLIENT,
            # The template again: its arguments may be an address or a number.
            attributes={**where, "url.full": f"{call.base_url}{call.path}"},
        )
        return _WatchedCall(span, self._metrics, server, where)

    def bulk_progress(self, report: BulkReport) -> None:
        """
        Report how far a run is.

        Give this method to `BulkRun.send` as ``progress``. The run's name becomes an
        attribute of the metric: let it name no person.
        """
        for state, count in report.by_state.items():
            self._metrics.recipients.set(
                count,
                {
                    "aiooctopush.bulk.run": report.name,
                    "aiooctopush.bulk.state": str(state),
                },
            )


class _Metrics:
    """The instruments that all calls share."""

    def __init__(self, meter: Meter) -> None:
        self.duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests, one per attempt.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self.tries = meter.create_counter(
            "aiooctopush.request_attempts",
            unit="{attempt}",
            description="Attempts, by outcome.",
        )
        self.calls = meter.create_counter(
            "aiooctopush.calls",
            unit="{call}",
            description="Calls, by final outcome.",
        )
        self.active_calls = meter.create_up_down_counter(
            "aiooctopush.active_calls",
            unit="{call}",
            description="Calls in progress, including pauses between attempts.",
        )
        self.retry_tokens = meter.create_gauge(
            "aiooctopush.retry_tokens",
            unit="{token}",
            description="Tokens left in the retry budget.",
        )
        self.recipients = meter.create_gauge(
            "aiooctopush.bulk.recipients",
            unit="{recipient}",
            description="Recipients of a bulk run, by state.",
        )


@define
class _WatchedCall:
    """One call and its span, which is the current one from here to the end."""

    _span: Span
    _metrics: _Metrics
    _server: _Attributes
    _where: _Attributes
    _made: int = field(default=0, init=False)
    _token: Token[Context] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._metrics.active_calls.add(1, self._where)
        # Last, because only `ended` resets it.
        self._token = attach(set_span_in_context(self._span))

    def on_attempt(self, attempt: AttemptEvent) -> None:
        """Record an attempt: a span's event, and metrics."""
        # Cancelled: the only end of an attempt that is unknown without an error.
        cancelled = attempt.error is None and attempt.outcome is Outcome.UNKNOWN
        answer = _known(
            {
                "http.response.status_code": attempt.status,
                "error.type": "CancelledError" if cancelled else attempt.error,
            }
        )
        outcome = {"aiooctopush.outcome": str(attempt.outcome)}
        ours = {
            "aiooctopush.attempt": attempt.attempt,
            "aiooctopush.elapsed": attempt.elapsed,
            "aiooctopush.delay": attempt.delay,
            "aiooctopush.code": attempt.code,
        }
        self._span.add_event("aiooctopush.attempt", answer | outcome | _known(ours))
        if attempt.attempt == self._made:
            return  # it never got a slot, or its id was too old: no request was made
        self._made = attempt.attempt
        self._metrics.duration.record(attempt.elapsed, {**self._where, **answer})
        self._metrics.tries.add(1, {**self._where, **answer, **outcome})

    def on_end(self, call: CallEnded) -> None:
        """End the span of a call with its outcome."""
        try:
            error = _known({"error.type": call.error})
            became: dict[str, _Value] = {
                "aiooctopush.outcome": str(call.outcome),
                "aiooctopush.maybe_sent": call.maybe_sent,
            }
            ours = {
                "http.response.status_code": call.status,
                # The conventions want it only where something was sent again.
                "http.request.resend_count": max(call.attempts - 1, 0) or None,
                "aiooctopush.attempts": call.attempts,
                "aiooctopush.request_id": call.request_id,
                "aiooctopush.code": call.code,
            }
            self._span.set_attributes(error | became | _known(ours))
            if call.error is not None:
                # Without a description: `error.type` has the class, and messages may be
                # private.
                self._span.set_status(StatusCode.ERROR)
            self._metrics.calls.add(1, {**self._where, **error, **became})
            self._metrics.active_calls.add(-1, self._where)
            self._metrics.retry_tokens.set(call.retry_tokens, self._server)
        finally:
            detach(self._token)
            self._span.end()


def _known(attributes: Mapping[str, _Value | None]) -> dict[str, _Value]:
    return {name: value for name, value in attributes.items() if value is not None}


@cache
def _server(base_url: str) -> dict[str, _Value]:
    """Return the attributes of the server; a process has one or two."""
    parts = urlsplit(base_url)
    return {
        "server.address": parts.hostname or "",
        "server.port": parts.port or _PORTS[parts.scheme],
    }
