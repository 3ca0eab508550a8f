"""Spans and metrics, as an SDK of OpenTelemetry collects them."""

import asyncio

import pytest
from fakes import MESSAGE, ScriptedTransport, answer, refusal, session_over
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aiooctopush import (
    InvalidRequestError,
    MemoryLedger,
    NotSentError,
    OctopushError,
    OctopushSession,
    Recipient,
    UnknownOutcomeError,
)
from aiooctopush.integrations.opentelemetry import OpenTelemetryObserver
from aiooctopush.sandbox import VirtualClock


SEND = "/v1/public/sms-campaign/send"
SERVER = {"server.address": "api.octopush.com", "server.port": 443}
WHERE = {**SERVER, "http.request.method": "POST", "url.template": SEND}
# Source: OpenTelemetry semantic conventions, "HTTP metrics".
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


class Collected:
    """What an observer has emitted so far."""

    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.observer = OpenTelemetryObserver(
            tracer_provider=self.tracers, meter_provider=self.meters
        )

    @property
    def spans(self):
        """Those that have ended, in that order."""
        return self.exporter.get_finished_spans()

    @property
    def scopes(self):
        """What the metrics belong to."""
        data = self.reader.get_metrics_data()
        return [] if data is None else data.resource_metrics[0].scope_metrics

    @property
    def metrics(self):
        """Instruments by name."""
        return {one.name: one for scope in self.scopes for one in scope.metrics}

    def points(self, name):
        """Values of a metric, each with its attributes."""
        points = self.metrics[name].data.data_points
        return [(one.value, dict(one.attributes)) for one in points]


@pytest.fixture
def collected():
    """What is emitted during a test."""
    everything = Collected()
    yield everything
    everything.tracers.shutdown()
    everything.meters.shutdown()


@pytest.fixture
def observed(collected):
    """Make a session over a script that is observed."""

    def make(*script, **options):
        transport = ScriptedTransport(*script)
        return session_over(transport, observer=collected.observer, **options)

    return make


def silence():
    """No readable answer."""
    return UnknownOutcomeError("silence")


async def hang(_):
    """A transport that never answers."""
    await asyncio.Event().wait()


async def cancelled(octopush):
    """Send a message, and cancel it when it is on its way."""
    task = asyncio.create_task(octopush.sms.send(**MESSAGE))
    while not octopush._transport.requests:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


# --- spans ----------------------------------------------------------------------------


async def test_a_call_is_one_span(observed, collected):
    """With the conventions' names for HTTP clients, and ours for what became of it."""
    async with observed(answer()) as octopush:
        sent = await octopush.sms.send(**MESSAGE)

    (span,) = collected.spans
    assert (span.name, span.kind) == (f"POST {SEND}", SpanKind.CLIENT)
    assert span.status.status_code is StatusCode.UNSET
    assert dict(span.attributes) == {
        **WHERE,
        "url.full": f"https://api.octopush.com{SEND}",
        "http.response.status_code": 201,
        "aiooctopush.outcome": "accepted",
        "aiooctopush.maybe_sent": False,
        "aiooctopush.attempts": 1,
        "aiooctopush.request_id": sent.request_id,
    }


async def test_each_try_is_an_event(observed, collected):
    """With what became of it alone, and how long the wait for the next one is."""
    clock = VirtualClock()

    async def slow(_):
        clock.advance(7)
        return answer(503, {})

    async with observed(slow, refusal(120), clock=clock) as octopush:
        await octopush.sms.send(**MESSAGE)

    (span,) = collected.spans
    assert [(one.name, dict(one.attributes)) for one in span.events] == [
        (
            "aiooctopush.attempt",
            {
                "http.response.status_code": 503,
                "error.type": "ServerError",
                "aiooctopush.outcome": "unknown",
                "aiooctopush.attempt": 1,
                "aiooctopush.elapsed": 7.0,
                "aiooctopush.delay": 1.25,
            },
        ),
        (
            "aiooctopush.attempt",
            {
                "http.response.status_code": 400,
                "error.type": "DuplicateRequestError",
                "aiooctopush.outcome": "presumed",
                "aiooctopush.attempt": 2,
                "aiooctopush.elapsed": 0.0,
                "aiooctopush.code": 120,
            },
        ),
    ]
    assert span.attributes["http.request.resend_count"] == 1
    assert span.attributes["aiooctopush.outcome"] == "presumed"
    assert span.status.status_code is StatusCode.UNSET


async def test_a_failed_call_is_an_error(observed, collected):
    """Named by its class, without its words."""
    async with observed(refusal(121)) as octopush:
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)

    (span,) = collected.spans
    assert (span.status.status_code, span.status.description) == (
        StatusCode.ERROR,
        None,
    )
    assert span.attributes["error.type"] == "InvalidRequestError"
    assert span.attributes["aiooctopush.code"] == 121
    assert span.attributes["aiooctopush.outcome"] == "refused"
    assert [one.name for one in span.events] == ["aiooctopush.attempt"]


async def test_a_cancelled_call_is_an_error_that_may_have_been_sent(
    observed, collected
):
    """The try that it was cancelled in is told as well."""
    async with observed(hang) as octopush:
        await cancelled(octopush)

    (span,) = collected.spans
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes["error.type"] == "CancelledError"
    assert span.attributes["aiooctopush.maybe_sent"] is True
    assert span.events[0].attributes["error.type"] == "CancelledError"


async def test_a_call_stands_below_the_span_of_its_caller(observed, collected):
    """And what the HTTP library does below it; afterwards the caller's is current."""
    tracer = collected.tracers.get_tracer("tests")

    async def as_instrumented(_):
        with tracer.start_as_current_span("http"):
            return answer()

    async with observed(as_instrumented) as octopush:
        with tracer.start_as_current_span("request") as request:
            await octopush.sms.send(**MESSAGE)
            assert trace.get_current_span() is request

    http, call, outer = collected.spans
    assert call.parent.span_id == outer.context.span_id
    assert http.parent.span_id == call.context.span_id


async def test_calls_at_the_same_time_do_not_mix(observed, collected):
    """Each has the parent of its own task."""
    tracer = collected.tracers.get_tracer("tests")

    async def serve(octopush, name):
        with tracer.start_as_current_span(name):
            await octopush.sms.send(**MESSAGE)

    async def yielding(_):
        await asyncio.sleep(0)
        return answer()

    async with observed(*[yielding] * 3) as octopush, asyncio.TaskGroup() as group:
        for name in "abc":
            group.create_task(serve(octopush, name))

    outer = {one.context.span_id: one.name for one in collected.spans if not one.parent}
    calls = [one for one in collected.spans if one.parent]
    assert sorted(outer[one.parent.span_id] for one in calls) == ["a", "b", "c"]


async def test_a_span_leaves_when_the_call_is_over(observed):
    """Cancelled or failed, none is current afterwards."""
    async with observed(refusal(121), hang) as octopush:
        with pytest.raises(InvalidRequestError):
            await octopush.sms.send(**MESSAGE)
        octopush._transport.requests.clear()
        await cancelled(octopush)

    assert trace.get_current_span() is trace.INVALID_SPAN


@pytest.mark.parametrize(
    ("base_url", "address", "port"),
    [
        ("https://api.octopush.com", "api.octopush.com", 443),
        ("http://127.0.0.1:8025", "127.0.0.1", 8025),
        ("http://localhost/prefix", "localhost", 80),
    ],
)
async def test_the_server_is_that_of_the_session(
    observed, collected, base_url, address, port
):
    """With the scheme's own port where none is given."""
    async with observed(answer(), base_url=base_url) as octopush:
        await octopush.sms.send(**MESSAGE)

    (span,) = collected.spans
    assert span.attributes["server.address"] == address
    assert span.attributes["server.port"] == port
    assert span.attributes["url.full"] == f"{base_url}{SEND}"


# --- metrics --------------------------------------------------------------------------


async def test_tries_are_timed_and_counted(observed, collected):
    """In seconds, with the conventions' buckets, by what each answered."""
    clock = VirtualClock()

    async def slow(_):
        clock.advance(0.2)
        raise silence()

    async with observed(slow, answer(), clock=clock) as octopush:
        await octopush.sms.send(**MESSAGE)

    duration = collected.metrics["http.client.request.duration"]
    silent, accepted = duration.data.data_points
    failed = {**WHERE, "error.type": "UnknownOutcomeError"}
    good = {**WHERE, "http.response.status_code": 201}
    assert duration.unit == "s"
    assert tuple(silent.explicit_bounds) == BOUNDS
    assert (silent.sum, dict(silent.attributes)) == (pytest.approx(0.2), failed)
    assert (accepted.count, dict(accepted.attributes)) == (1, good)
    assert collected.points("aiooctopush.request_attempts") == [
        (1, {**failed, "aiooctopush.outcome": "unknown"}),
        (1, {**good, "aiooctopush.outcome": "accepted"}),
    ]


async def test_calls_are_counted_by_outcome(observed, collected):
    """All their tries counted, and whether a message may be on its way."""
    script = [answer(), silence(), answer(), *[silence()] * 4, refusal(121)]
    async with observed(*script) as octopush:
        for _ in range(4):
            try:
                await octopush.sms.send(**MESSAGE)
            except OctopushError as error:
                last = error

    assert type(last) is InvalidRequestError
    assert [
        (
            count,
            one["aiooctopush.outcome"],
            one["aiooctopush.maybe_sent"],
            one.get("error.type"),
        )
        for count, one in collected.points("aiooctopush.calls")
    ] == [
        (2, "accepted", False, None),
        (1, "unknown", True, "UnknownOutcomeError"),
        (1, "refused", False, "InvalidRequestError"),
    ]


async def test_what_was_never_asked_is_no_try(observed, collected):
    """A call that got no slot before its deadline is a call, and no request."""
    async with (
        observed(hang, max_in_flight=1) as octopush,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(octopush.sms.send(**MESSAGE))
        while not octopush._transport.requests:
            await asyncio.sleep(0)
        assert collected.points("aiooctopush.active_calls") == [(1, WHERE)]
        with pytest.raises(NotSentError):
            await octopush.sms.send(**MESSAGE, timeout=0)
        assert "aiooctopush.request_attempts" not in collected.metrics
        first.cancel()

    assert collected.points("aiooctopush.active_calls") == [(0, WHERE)]
    assert [count for count, _ in collected.points("aiooctopush.request_attempts")] == [
        1
    ]
    assert [count for count, _ in collected.points("aiooctopush.calls")] == [1, 1]


async def test_the_retry_quota_is_told(observed, collected):
    """Of 500 tokens three retries take 42, and a third of a second brings 4 back."""
    async with observed(*[NotSentError("no route")] * 4) as octopush:
        with pytest.raises(NotSentError):
            await octopush.sms.send(**MESSAGE)

    assert collected.points("aiooctopush.retry_tokens") == [(462, SERVER)]


async def test_progress_of_a_run_is_told(observed, collected):
    """Recipients by state, none left out, under the key of the run."""
    async with observed(answer(), refusal(121)) as octopush:
        run = octopush.bulk(
            "november",
            text="Hello",
            sender="Acme",
            purpose="alert",
            batch_size=2,
            concurrency=1,
            ledger=MemoryLedger(),
        )
        await run.send(
            ["+33639980001", "+33639980002", "+33639980003"],
            progress=collected.observer.bulk_progress,
        )

    states = {}
    for count, attributes in collected.points("aiooctopush.bulk.recipients"):
        assert attributes.pop("aiooctopush.bulk.run") == "november"
        states[attributes.pop("aiooctopush.bulk.state")] = count
    assert states == {
        "accepted": 2,
        "presumed": 0,
        "refused": 1,
        "not_sent": 0,
        "unknown": 0,
        "already_sent": 0,
        "skipped": 0,
        "sending": 0,
    }


async def test_units_and_kinds_are_what_the_page_says(observed, collected):
    """Every metric, by name."""
    async with observed(silence(), answer()) as octopush:
        run = octopush.bulk("run", text="Hello", sender="Acme", purpose="alert")
        await run.send(["+33639980001"], progress=collected.observer.bulk_progress)

    assert {
        name: (one.unit, type(one.data).__name__)
        for name, one in collected.metrics.items()
    } == {
        "http.client.request.duration": ("s", "Histogram"),
        "aiooctopush.request_attempts": ("{attempt}", "Sum"),
        "aiooctopush.calls": ("{call}", "Sum"),
        "aiooctopush.active_calls": ("{call}", "Sum"),
        "aiooctopush.retry_tokens": ("{token}", "Gauge"),
        "aiooctopush.bulk.recipients": ("{recipient}", "Gauge"),
    }
    (scope,) = collected.scopes
    assert scope.scope.name == "aiooctopush"


# --- privacy --------------------------------------------------------------------------

MARKS = [
    "39987654",
    "canary text",
    "canary@example.org",
    "canary-key",
    "canary_name",
    "sms_canary",
]


async def test_nothing_private_is_emitted(collected):
    """No number, text, name, credential or argument of a path, refused or taken."""
    message = {
        **MESSAGE,
        "text": "canary text {first_name}",
        "recipients": [Recipient("+33639987654", first_name="canary_name")],
    }
    words = {"code": 103, "message": "+33639987654 canary text canary_name"}
    script = [answer(400, words), answer(), answer(404, words), answer(200, {})]
    async with OctopushSession(
        "canary@example.org",
        "canary-key",
        transport=ScriptedTransport(*script),
        clock=VirtualClock(),
        observer=collected.observer,
    ) as octopush:
        for call in (
            octopush.sms.send(**message),
            octopush.sms.send(**message),
            octopush.sms.cancel("sms_canary"),
            octopush.raw("GET", "/v1/33639987654", params={"q": "canary text"}),
        ):
            try:
                await call
            except OctopushError:
                continue

    emitted = "".join(one.to_json() for one in collected.spans)
    emitted += collected.reader.get_metrics_data().to_json()
    assert len(collected.spans) == 4
    assert [mark for mark in MARKS if mark in emitted] == []
