"""
Spans, metrics and logs of two messages, printed as lines of JSON.

    pip install "aiooctopush[otel]" opentelemetry-sdk
    python examples/observability.py

The answer to the first try of the first message is lost, so that there is something to
see. The second one is refused, for it is the first once more. Instead of the exporters
here take those of your collector; docs/observability.md says what all of it means.
"""

import asyncio
import json
import logging

from account import open_session
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    ConsoleMetricExporter,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from aiooctopush import DuplicateRequestError, OctopushSession, Purpose, request_id_for
from aiooctopush.integrations.opentelemetry import OpenTelemetryObserver
from aiooctopush.sandbox import FaultPlan


tracer = trace.get_tracer("shop")


def one_line(what: ReadableSpan | MetricsData) -> str:
    """Write a span or all metrics on one line."""
    return what.to_json(indent=None) + "\n"


class JsonLines(logging.Formatter):
    """Writes a record as JSON: the message, and what the SDK says to machines."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        said = {
            name: value
            for name, value in vars(record).items()
            if name.startswith("octopush_")
        }
        head = {"level": record.levelname, "message": record.getMessage()}
        return json.dumps(head | said)


def set_up() -> tuple[TracerProvider, MeterProvider]:
    """Export to the console, as an application does once when it starts."""
    tracers = TracerProvider()
    tracers.add_span_processor(
        SimpleSpanProcessor(ConsoleSpanExporter(formatter=one_line))
    )
    trace.set_tracer_provider(tracers)
    meters = MeterProvider(
        [PeriodicExportingMetricReader(ConsoleMetricExporter(formatter=one_line))]
    )
    metrics.set_meter_provider(meters)
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.getLogger("aiooctopush").addHandler(handler)
    logging.getLogger("aiooctopush").setLevel(logging.DEBUG)
    return tracers, meters


async def ship(octopush: OctopushSession, order: int) -> None:
    """Tell a customer; the span of the call comes to stand below this one."""
    with tracer.start_as_current_span("ship"):
        await octopush.sms.send(
            text=f"Your order {order} has shipped",
            recipients=["+33639980001"],
            sender="Acme",
            purpose=Purpose.ALERT,
            request_id=request_id_for(f"shipped-{order}"),
        )


async def main() -> None:
    """Send two messages."""
    lost = FaultPlan.schedule(["rst_after_commit"])
    observer = OpenTelemetryObserver()
    async with open_session(faults=lost, observer=observer) as octopush:
        await ship(octopush, 17)
        try:
            # Refused: the gateway knows the id of this one.
            await ship(octopush, 17)
        except DuplicateRequestError as error:
            print(error)


if __name__ == "__main__":
    providers = set_up()
    asyncio.run(main())
    for provider in providers:
        provider.shutdown()
