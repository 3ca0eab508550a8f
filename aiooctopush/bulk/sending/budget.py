"""Cost limit of a run, checked before each request."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal

from attrs import define

from ...api.sms import Message, SmsRequest
from ...ledgers.batch import Content, content_of, recipients_in
from ...ledgers.records import MAY_COST, BatchRecord
from ...text import measure, merge, placeholders


Reservation = AbstractContextManager[None]
"""A block that releases its reservation at the end."""


@define
class Budget:
    """
    Stops a run before the batch that could cost too much.

    The cost of a batch is estimated with the highest price of an SMS so far, and the
    gateway's stricter count of parts. A batch without a response counts as sent. Until
    a price is known, one request is sent at a time.

    Attributes:
        most: In euros.
        price: The highest price of one SMS so far, in euros; None if unknown.
        reported: Costs reported by the gateway, in euros.
        unpriced: SMS that were sent, or may have been, without a reported price.
        reserved: The possible cost of the batches in flight, in euros.
    """

    most: Decimal
    _message: Message | None
    price: Decimal | None = None
    reported: Decimal = Decimal(0)
    unpriced: int = 0
    reserved: Decimal = Decimal(0)
    _parts: int | None = None

    @property
    def wants_price(self) -> bool:
        """Whether no price is known yet."""
        return self.price is None

    def parts(self, content: Content) -> int:
        """How many SMS a batch has, by the stricter count."""
        text = content.text if isinstance(content, SmsRequest) else None
        if text is None:
            if self._parts is not None:
                return self._parts * len(recipients_in(content))
            text = "" if self._message is None else self._message.text
        names = placeholders(text)
        if not names:
            each = measure(text).parts_at_most
            if not isinstance(content, SmsRequest):
                self._parts = each
            return each * len(recipients_in(content))
        return sum(
            measure(
                merge(text, {name: getattr(one, name) for name in names})
            ).parts_at_most
            for one in recipients_in(content)
        )

    def estimate(self, content: Content) -> Decimal:
        """Maximum cost of a batch, in euros; 0 without a price."""
        if self.price is None:
            return Decimal(0)
        return self.price * self.parts(content)

    def reserve(self, content: Content | None) -> Reservation | None:
        """
        Reserve the maximum cost of a batch until the block ends.

        Args:
            content: Its text and recipients; None if it is counted already.

        Returns:
            None if there is not so much left.
        """
        estimate = Decimal(0) if content is None else self.estimate(content)
        spent = self.reported + self.unpriced * (self.price or 0)
        if spent + self.reserved + estimate > self.most:
            return None
        self.reserved += estimate
        return self._reserved(estimate)

    @contextmanager
    def _reserved(self, estimate: Decimal) -> Iterator[None]:
        try:
            yield
        finally:
            self.reserved -= estimate

    def relearn(
        self, old: BatchRecord, new: BatchRecord, content: Content | None = None
    ) -> None:
        """Record a batch in its new state instead of its earlier one."""
        self.learn(old, content, sign=-1)
        self.learn(new, content)

    def learn(
        self, batch: BatchRecord, content: Content | None = None, *, sign: int = 1
    ) -> None:
        """
        Record a batch in its current state.

        Args:
            batch: In any state.
            content: Its text; read from the batch if omitted.
            sign: -1 to subtract a batch before its state changes. The highest price
                stays.
        """
        if batch.cost is not None:
            self.reported += sign * batch.cost
            sms = batch.sms_needed or batch.count
            self.price = max(self.price or Decimal(0), batch.cost / sms)
        # Under a new, unused id it may cost once more: the possible cost of the earlier
        # one stays reserved.
        elif batch.state in MAY_COST and (sign > 0 or batch.first_tried_at is not None):
            if content is None and batch.payload is not None:
                content = content_of(batch)
            # Without its content it counts as if each had one part.
            parts = batch.count if content is None else self.parts(content)
            self.unpriced += sign * parts
