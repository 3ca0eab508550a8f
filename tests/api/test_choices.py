"""Choices of words: a member of an enum, or its word, for people and for checkers."""

from typing import Literal, get_args, get_origin

import pytest

from aiooctopush import InvalidFieldError, Purpose, SmsRequest
from aiooctopush._wire import Idempotency, IdempotencyLike
from aiooctopush.api._shared import (
    OnMissing,
    OnMissingLike,
    OnUnknown,
    OnUnknownLike,
    PurposeLike,
    SmsType,
    SmsTypeLike,
    to_enum,
)
from aiooctopush.api._voices import VoiceGender, VoiceGenderLike
from aiooctopush.api.campaigns import (
    Audience,
    AudienceLike,
    Segmentation,
    SegmentationLike,
)
from aiooctopush.api.multichannel import Channel, ChannelLike
from aiooctopush.api.otp import OtpChannel, OtpChannelLike
from aiooctopush.api.wallet import Product, ProductLike
from aiooctopush.bulk.options import (
    OnAlreadySent,
    OnAlreadySentLike,
    OnDuplicate,
    OnDuplicateLike,
    OnInvalid,
    OnInvalidLike,
    OnUnresolved,
    OnUnresolvedLike,
)
from aiooctopush.bulk.review.decisions import BatchDecision, BatchDecisionLike


CHOICES = {
    Audience: AudienceLike,
    BatchDecision: BatchDecisionLike,
    Channel: ChannelLike,
    Idempotency: IdempotencyLike,
    OnAlreadySent: OnAlreadySentLike,
    OnDuplicate: OnDuplicateLike,
    OnInvalid: OnInvalidLike,
    OnMissing: OnMissingLike,
    OnUnknown: OnUnknownLike,
    OnUnresolved: OnUnresolvedLike,
    OtpChannel: OtpChannelLike,
    Product: ProductLike,
    Purpose: PurposeLike,
    Segmentation: SegmentationLike,
    SmsType: SmsTypeLike,
    VoiceGender: VoiceGenderLike,
}


@pytest.mark.parametrize("kind", CHOICES, ids=lambda kind: kind.__name__)
def test_a_type_accepts_each_word_that_the_call_accepts(kind):
    """The words of the annotation are those of the enum, second names included."""
    *enums, words = get_args(CHOICES[kind])
    (written,) = [get_args(words)] if get_origin(words) is Literal else []

    assert enums == [kind]
    assert {to_enum(kind, "x", word) for word in written} == set(kind)
    assert len(written) == len(kind.__members__)


def test_marketing_is_the_word_for_wholesale():
    """The gateway's word goes over the wire, whichever of the two was said."""
    message = {"text": "Sale. STOP au XXXXX", "sender": "Acme"}
    said = SmsRequest(**message, recipients=["+33639980001"], purpose="marketing")

    assert Purpose.MARKETING is Purpose.WHOLESALE
    assert said.purpose is Purpose.WHOLESALE
    assert str(said.purpose) == "wholesale"


def test_a_refusal_lists_the_words():
    """So that whoever mistyped one finds the right one there."""
    with pytest.raises(InvalidFieldError) as caught:
        to_enum(OnDuplicate, "on_duplicate", "drop")

    assert str(caught.value) == (
        "on_duplicate: must be 'skip', 'keep' or 'error' (got 'drop'). "
        "Nothing was sent."
    )
