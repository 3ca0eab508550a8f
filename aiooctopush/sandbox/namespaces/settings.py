"""Operations 36 to 38: settings that are kept for each account."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ..._wire import HttpResponse
from ..state import AdmittedRequest, Operations, Routes
from ..validation import RefusalError


_NUMBER = re.compile(r"\+[0-9]{5,16}", re.ASCII)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_SENDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ]{1,9}[A-Za-z0-9]", re.ASCII)
_VOICE_SENDER = re.compile(r"[0-9]{3,11}", re.ASCII)
_PRODUCT = re.compile(r"sms_premium|sms_low_cost")
_URL = re.compile(r"https?://\S+")

# What each field may hold; only callbacks can be removed. Codes and status of a
# refusal are undocumented.
_NODES: Final[Mapping[str, Mapping[str, re.Pattern[str] | type]]] = {
    "sms_campaign_alert_parameters": {
        "alert_type": _PRODUCT,
        "alert_bound": int,
        "alert_email_to": _ADDRESS,
        "alert_phone_number_to": _NUMBER,
    },
    "campaign_parameters": {
        "sender_for_sms_premium": _SENDER,
        "sender_for_voice_sms": _VOICE_SENDER,
        "phone_number_for_test_sms": _NUMBER,
    },
    "callbacks": {
        "callback_url_for_inbounds": _URL,
        "callback_url_for_deliveries": _URL,
        "callback_url_for_blacklisted_numbers": _URL,
        "callback_url_for_visits": _URL,
        "email_for_inbounds": _ADDRESS,
        "api_version": re.compile(r".+"),
        "use_metadata_node_for_inbound": bool,
    },
}
_NEVER_NULL = frozenset({"api_version", "use_metadata_node_for_inbound"})


class SettingsOperations(Operations):
    """The settings namespace of the documents."""

    @property
    def routes(self) -> Routes:
        """Method and path, without its common start, of each operation."""
        return {
            ("GET", "user/campaign-parameters"): self._read,
            # The address of the newer reference.
            ("GET", "campaign/parameters"): self._read,
            ("PATCH", "user/campaign-parameters/edit"): self._edit,
        }

    def _read(self, request: AdmittedRequest) -> HttpResponse:
        kept = self._state.preferences.get(request.account, {})
        nodes = {
            node: {name: kept.get(name) for name in fields}
            for node, fields in _NODES.items()
        }
        bound = kept.get("alert_bound")
        if bound is not None:
            nodes["sms_campaign_alert_parameters"]["alert_bound"] = self._state.figure(
                bound
            )
        return self._state.answer(200, nodes)

    def _edit(self, request: AdmittedRequest) -> HttpResponse:
        changes: dict[str, Any] = {}
        body = request.body
        nodes = {
            node: body[node] for node in _NODES if isinstance(body.get(node), dict)
        }
        self._state.refuse_unknown(body, nodes)
        for node, given in nodes.items():
            fields = _NODES[node]
            self._state.refuse_unknown(given, fields)
            for name in filter(fields.__contains__, given):
                nullable = node == "callbacks" and name not in _NEVER_NULL
                _check(name, given[name], fields[name], nullable=nullable)
                changes[name] = given[name]
        # All or nothing: undocumented, our choice.
        self._state.preferences.setdefault(request.account, {}).update(changes)
        # The status is the one of the vendor's Java client; no page shows the body.
        return self._state.answer(200, {})


def _check(
    name: str, value: Any, rule: re.Pattern[str] | type, *, nullable: bool
) -> None:
    if value is None:
        good = nullable
    elif isinstance(rule, type):
        # A bool is an int, but not here.
        good = isinstance(value, int) and type(value) is rule and value >= 0
    else:
        good = isinstance(value, str) and rule.fullmatch(value) is not None
    if not good:
        raise RefusalError(400, f"{name}: not valid")
