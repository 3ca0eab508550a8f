"""
Faults as data: the fault, its frequency, and the gateway's execution of the request.

`KINDS` contains all of them. A kind that ends in ``_after_commit`` has executed the
request before the client meets the fault; every kind has its `Commit`.
"""

import json
import math
import random
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from itertools import accumulate, repeat
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from .._wire import HttpRequest, HttpResponse
from .gateway import Gateway


class Commit(StrEnum):
    """Whether the gateway executes a request that meets a fault."""

    NEVER = "never"
    """It never had the whole request."""

    RECEIVED = "received"
    """It received the request and executed nothing; ids may still be recorded."""

    BEFORE = "before"
    """It executed the request before the client met the fault."""

    LATE = "late"
    """
    It executes the request after the client got its response; see `Gateway.defer`.
    """


@frozen
class Fault:
    """
    One kind of fault.

    Attributes:
        kind: Its public name.
        commits: Whether and when the gateway executes the request.
        meets: The failure that the client meets.
        answer: The faulty response, if the client gets one.
        in_process_only: A live server cannot play it: the client fails before it
            is connected.
    """

    kind: str
    commits: Commit
    meets: str
    answer: HttpResponse | None = None
    in_process_only: bool = False

    def play(self, gateway: Gateway, request: HttpRequest) -> HttpResponse | None:
        """
        Let the gateway execute the request as this fault allows.

        Returns:
            The response that the client gets, or None if it gets none. A response with
            a damaged body keeps its status, so that no refusal turns into a success.
        """
        if self.commits is Commit.BEFORE:
            real = gateway.handle(request)
            spoil = _SPOILT_BODIES.get(self.kind)
            return spoil(real) if spoil else self.answer
        if self.commits is Commit.RECEIVED:
            gateway.receive(request)
        elif self.commits is Commit.LATE:
            gateway.settle()
            gateway.defer(request)
        return self.answer


_HTML = {"content-type": "text/html; charset=utf-8"}
_JSON = {"content-type": "application/json"}


def _page(title: str) -> bytes:
    return f"<!doctype html><title>{title}</title><h1>{title}</h1>".encode()


def _spoil(real: HttpResponse, headers: Mapping[str, str], body: bytes) -> HttpResponse:
    # 204 forbids a body.
    status = 200 if real.status == 204 else real.status
    return evolve(real, status=status, headers={**real.headers, **headers}, body=body)


def _without_ticket(real: HttpResponse) -> HttpResponse:
    body = json.loads(real.body or b"{}")
    # A response that is a list, as that of a lookup, has no ticket to lose.
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if "ticket" not in key}
    return _spoil(real, _JSON, json.dumps(body).encode())


_SPOILT_BODIES: Final[Mapping[str, Callable[[HttpResponse], HttpResponse]]] = {
    "html_after_commit": lambda real: _spoil(real, _HTML, _page("Welcome")),
    "empty_after_commit": lambda real: _spoil(real, _JSON, b""),
    "bad_json_after_commit": lambda real: _spoil(real, _JSON, b'{"sms_ticket": "s'),
    "no_ticket_after_commit": _without_ticket,
}


def _answer(
    status: int, title: str, *, json_code: int | None = None, **headers: str
) -> HttpResponse:
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    if json_code is None:
        return HttpResponse(status=status, headers=_HTML | more, body=_page(title))
    body = json.dumps({"code": json_code, "message": title}).encode()
    return HttpResponse(status=status, headers=_JSON | more, body=body)


_NEVER, _RECEIVED = Commit.NEVER, Commit.RECEIVED
_BEFORE, _LATE = Commit.BEFORE, Commit.LATE


def _not_sent(kind: str, meets: str) -> Fault:
    return Fault(kind, _NEVER, meets, in_process_only=True)


_ALL = (
    _not_sent("connection_refused", "connection refused"),
    _not_sent("dns_failure", "the host was not found"),
    _not_sent("connect_timeout", "no connection in time"),
    _not_sent("tls_failure", "the TLS handshake fails"),
    _not_sent("bad_certificate", "the certificate is not the gateway's"),
    Fault("rst_accept", _NEVER, "a reset; nothing was read"),
    Fault("fin_accept", _NEVER, "the connection is closed without a response"),
    Fault("rst_after_headers", _NEVER, "a reset once the headers were read"),
    Fault("rst_after_commit", _BEFORE, "a reset instead of the response"),
    Fault("fin_after_commit", _BEFORE, "the connection is closed without a response"),
    Fault("hang_before_commit", _RECEIVED, "no response until the timeout"),
    Fault("hang_after_commit", _BEFORE, "no response until the timeout"),
    Fault(
        "error_500",
        _RECEIVED,
        "500",
        _answer(500, "Internal error", json_code=500),
    ),
    Fault(
        "error_500_after_commit",
        _BEFORE,
        "500",
        _answer(500, "Internal error", json_code=500),
    ),
    Fault("error_502_late_commit", _LATE, "502", _answer(502, "Bad gateway")),
    Fault(
        "error_503",
        _RECEIVED,
        "503 with Retry-After: 2",
        _answer(503, "Service unavailable", retry_after="2"),
    ),
    Fault("error_504_after_commit", _BEFORE, "504", _answer(504, "Gateway time-out")),
    Fault(
        "throttled_429",
        _RECEIVED,
        "429 with Retry-After: 2",
        _answer(429, "Too many requests", json_code=438, retry_after="2"),
    ),
    Fault("too_early_425", _RECEIVED, "425", _answer(425, "Too early")),
    Fault("timeout_408", _RECEIVED, "408", _answer(408, "Request time-out")),
    Fault("truncated_after_commit", _BEFORE, "half of a response"),
    Fault("html_after_commit", _BEFORE, "a page instead of JSON"),
    Fault("empty_after_commit", _BEFORE, "a response without a body"),
    Fault("bad_json_after_commit", _BEFORE, "JSON that breaks off"),
    Fault("no_ticket_after_commit", _BEFORE, "JSON without the ticket"),
    Fault("bad_status_line_after_commit", _BEFORE, "bytes that are not HTTP"),
    Fault("bad_gzip_after_commit", _BEFORE, "a body that cannot be unpacked"),
    Fault("oversized_after_commit", _BEFORE, "a body that unpacks to 128 MiB"),
    Fault("slow_loris_after_commit", _BEFORE, "an endless response, byte by byte"),
    Fault(
        "redirect_307",
        _NEVER,
        "307 to another host",
        _answer(307, "Moved", location="https://elsewhere.invalid/"),
    ),
    Fault("firewall_403", _NEVER, "403 with a firewall's page", _answer(403, "No")),
    Fault("conflict_409", _RECEIVED, "409 with a page", _answer(409, "Conflict")),
)

KINDS: Final[Mapping[str, Fault]] = MappingProxyType({one.kind: one for one in _ALL})
"""Every kind of fault by its name."""

DEFAULT_KINDS: Final = tuple(kind for kind in KINDS if kind != "bad_certificate")
"""
Default kinds of a plan: transient faults, without configuration errors or attacks.
"""

LIVE_KINDS: Final = frozenset(
    one.kind for one in KINDS.values() if not one.in_process_only
)
"""Kinds that a live server can simulate."""

_FORM = "a probability such as 0.1, or KIND=PROBABILITY,…"


class FaultPlan:
    """
    Decides for each request which fault it meets, if any.

    The same seed and the same order of requests produce the same faults.

    Args:
        kinds: Names of `KINDS`, all equally likely, or a weight for each; by default
            `DEFAULT_KINDS`, except kinds that a server cannot simulate.
        probability: That a request meets a fault at all: 0 to 1.
        seed: Seed of the random numbers.
        only: Requests for which it is false meet none, and use up nothing.

    Attributes:
        seen: How often each kind was given out.

    Raises:
        ValueError: A kind that does not exist, or a figure out of bounds.
    """

    def __init__(
        self,
        *,
        kinds: Iterable[str] | Mapping[str, float] | None = None,
        probability: float = 0.1,
        seed: int = 0,
        only: Callable[[HttpRequest], bool] | None = None,
    ) -> None:
        if not 0 <= probability <= 1:
            raise ValueError(f"probability: must be 0 to 1, not {probability!r}")
        self.seen: Counter[str] = Counter()
        self._named = kinds is not None
        self._weights = _weights(DEFAULT_KINDS if kinds is None else kinds)
        self._probability = probability
        self._random = random.Random(seed)
        self._only = only
        self._script: list[Fault | None] | None = None
        self._first: deque[Fault] = deque()
        self._playable: Collection[str] = KINDS
        self._draw_from(self._weights)
        if probability and not self._bounds[-1:] > [0]:
            raise ValueError("kinds: the list is empty")

    @classmethod
    def schedule(
        cls,
        faults: Iterable[str | None],
        *,
        only: Callable[[HttpRequest], bool] | None = None,
    ) -> "FaultPlan":
        """
        Set the fault of each request in turn; None, and after the end, no fault.
        """
        script = [None if kind is None else _known(kind) for kind in faults]
        kinds = {one.kind: 1.0 for one in script if one}
        plan = cls(kinds=kinds, probability=0, only=only)
        plan._script = script[::-1]
        return plan

    @classmethod
    def parse(
        cls, text: str, *, seed: int = 0, kinds: Collection[str] | None = None
    ) -> "FaultPlan":
        """
        Read a plan from a command line: ``0.1`` or ``error_500=0.05,fin_accept=0.1``.

        Args:
            text: The plan.
            seed: Seed of the random numbers.
            kinds: The kinds that an error lists, all if left out.

        Raises:
            ValueError: It cannot be read; the message lists the kinds.
        """
        kinds = KINDS if kinds is None else kinds
        if "=" not in text:
            return cls(probability=_read_figure(text, text, kinds), seed=seed)
        pairs = [one.partition("=") for one in text.split(",")]
        weights = {
            kind.strip(): _read_figure(figure, text, kinds) for kind, _, figure in pairs
        }
        for kind in weights:
            _known(kind, kinds)
        if len(weights) < len(pairs):
            raise ValueError(f"{text!r} names a kind twice.")
        probability = math.fsum(weights.values())
        return cls(kinds=weights, probability=probability, seed=seed)

    def fail_next(self, kind: str, *, times: int = 1) -> None:
        """
        Set the fault of the next requests, before anything else that was planned.

        Args:
            kind: One of `KINDS`.
            times: Number of requests. A second call continues after the first.

        Raises:
            ValueError: The kind does not exist, it cannot be simulated here, or
                ``times`` is less than 1.
        """
        fault = _known(kind, self._playable)
        if kind not in self._playable:
            raise ValueError(f"cannot be simulated here: {kind}")
        if times < 1:
            raise ValueError(f"times: must be at least 1, not {times!r}")
        self._first.extend(repeat(fault, times))

    @property
    def waiting(self) -> tuple[str, ...]:
        """The kinds that `fail_next` still holds."""
        return tuple(one.kind for one in self._first)

    def next(self, request: HttpRequest) -> Fault | None:
        """Decide the fault of this request."""
        if self._only is not None and not self._only(request):
            return None
        fault = self._planned()
        if fault is not None:
            self.seen[fault.kind] += 1
        return fault

    def restrict(self, kinds: Collection[str]) -> None:
        """
        Leave out default kinds that an interface cannot simulate.

        Raises:
            ValueError: A kind that was requested by name cannot be simulated.
        """
        impossible = [kind for kind in self._weights if kind not in kinds]
        if self._named and impossible:
            raise ValueError(f"cannot be simulated here: {', '.join(impossible)}")
        self._playable = kinds
        for kind in impossible:
            del self._weights[kind]
        self._draw_from(self._weights)

    def _draw_from(self, weights: Mapping[str, float]) -> None:
        self._bounds = list(accumulate(weights.values()))
        self._kinds = list(weights)

    def _planned(self) -> Fault | None:
        if self._first:
            return self._first.popleft()
        if self._script is not None:
            return self._script.pop() if self._script else None
        return self._drawn()

    def _drawn(self) -> Fault | None:
        # One number decides whether, a second one which: a plan with other kinds
        # but the same seed hits the same requests.
        hit, which = self._random.random(), self._random.random()
        if hit >= self._probability:
            return None
        return KINDS[self._kinds[bisect_right(self._bounds, which * self._bounds[-1])]]


def _list(kinds: Collection[str]) -> str:
    return f"The kinds are {', '.join(kind for kind in KINDS if kind in kinds)}."


def _read_figure(figure: str, text: str, kinds: Collection[str]) -> float:
    try:
        return float(figure)
    except ValueError:
        raise ValueError(f"{text!r} is not {_FORM}. {_list(kinds)}") from None


def _weights(kinds: Iterable[str] | Mapping[str, float]) -> dict[str, float]:
    weights = dict(kinds) if isinstance(kinds, Mapping) else dict.fromkeys(kinds, 1.0)
    for kind, weight in weights.items():
        _known(kind)
        if not 0 <= weight < math.inf:
            raise ValueError(f"{kind}: must be 0 or more, not {weight!r}")
    return weights


def _known(kind: str, kinds: Collection[str] = KINDS) -> Fault:
    if kind not in KINDS:
        near = get_close_matches(kind, kinds, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"There is no fault {kind!r}.{hint} {_list(kinds)}")
    return KINDS[kind]
