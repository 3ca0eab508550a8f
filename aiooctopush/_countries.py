"""
The countries of libphonenumber, available without importing it.

Importing it takes about 10 ms, too long for an event loop, where a country is declared;
only threads that read numbers import it.
"""

from importlib.util import find_spec
from typing import Final

from .errors import InvalidFieldError, shown


INSTALL: Final = 'pip install "aiooctopush[phone]"'

_CODES: Final = """
AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM
BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY
CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH
GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC
MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT PW PY QA RE RO RS RU RW SA
SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK
TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA
ZM ZW
"""
COUNTRIES: Final = frozenset(_CODES.split())
"""Two letters each."""


def check_country(country: str, field: str = "country") -> str:
    """
    Return the two letters of a country in upper case.

    Raises:
        InvalidFieldError: There is no such country, or the extra is not installed.
    """
    if find_spec("phonenumbers") is None:
        problem = f"needs the extra phone, which is not installed: {INSTALL}"
        raise InvalidFieldError(field, problem, shown=shown(country))
    found = str(country).strip().upper()
    if found not in COUNTRIES:
        problem = "must be the two letters of a country, such as FR"
        if found == "UK":
            problem += "; those of the United Kingdom are GB"
        raise InvalidFieldError(field, problem, shown=shown(country))
    return found
