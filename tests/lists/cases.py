"""Files as people have them: each is a case that a public bug report tells of."""

from pathlib import Path
from typing import Any

from attrs import field, frozen


FR = {"country": "FR"}
MOBILE = {"columns": {"phone_number": "Mobile", "first_name": "Prénom"}}

ONE, TWO, THREE = "+33639980001", "+33639980002", "+33639980003"


@frozen
class Case:
    """
    A file and what must be read out of it.

    Attributes:
        name: Of the file.
        report: Where it was told of.
        content: What the file holds; a str is written as UTF-8.
        people: Line, number and values of each recipient, by hand.
        bad: Line of each row that cannot be used, and words of why.
        refused: Words of why nothing can be read at all.
        options: How the file is read.
    """

    name: str
    report: str
    content: str | bytes
    people: list[tuple[Any, ...]] = field(factory=list)
    bad: dict[int, str] = field(factory=dict)
    refused: str | None = None
    options: dict[str, Any] = field(factory=dict)


EXPORTS = [
    Case(
        "excel-fr-cp1252.csv",
        "C21, C11: Excel in French writes semicolons and cp1252",
        "Téléphone;Prénom\r\n06 39 98 00 01;Zoé\r\n06.39.98.00.02;Noël\r\n".encode(
            "cp1252"
        ),
        [(2, ONE, "Zoé"), (3, TWO, "Noël")],
        options={
            **FR,
            "encoding": "cp1252",
            "columns": {"phone_number": "telephone", "first_name": "prenom"},
        },
    ),
    Case(
        "excel-fr-not-utf8.csv",
        "C21: the same without a word about its encoding",
        "phone_number;first_name\r\n+33639980001;Zoé\r\n".encode("cp1252"),
        refused="is not UTF-8",
    ),
    Case(
        "excel-utf8-bom.csv",
        "dotCMS/core#36508",
        b"\xef\xbb\xbf" + "phone_number,first_name\r\n+33639980001,Zoé\r\n".encode(),
        [(2, ONE, "Zoé")],
    ),
    Case(
        "excel-bom-quoted.csv",
        "PIMGento#215",
        b"\xef\xbb\xbf" + b'"phone_number";"first_name"\r\n"+33639980001";"Zoe"\r\n',
        [(2, ONE, "Zoe")],
    ),
    Case(
        "double-bom.csv",
        "C07: two byte-order marks",
        b"\xef\xbb\xbf\xef\xbb\xbfphone_number\n+33639980001\n",
        [(2, ONE)],
    ),
    Case(
        "zero-width-header.csv",
        "C07: an invisible character in the header",
        "\u200bphone_number,first_name\n+33639980001,Zoe\n",
        [(2, ONE, "Zoe")],
    ),
    Case(
        "excel-unicode.txt",
        "roundcubemail#9456: 'Unicode text' is UTF-16 with tabs",
        "phone_number\tfirst_name\r\n+33639980001\tZoé\r\n".encode("utf-16"),
        [(2, ONE, "Zoé")],
    ),
    Case(
        "mac-excel.csv",
        "owncloud/contacts#785: lines end in CR only",
        "phone_number;first_name\r+33639980001;Zoe\r+33639980002;Luc\r",
        [(2, ONE, "Zoe"), (3, TWO, "Luc")],
    ),
    Case(
        "excel-sep.csv",
        "PowerShell#7776",
        "sep=;\r\nphone_number;first_name\r\n+33639980001;Zoe\r\n",
        [(3, ONE, "Zoe")],
    ),
    Case(
        "esri-sep-pipe.csv",
        "mr-data-converter#52: sep= names another delimiter",
        "sep=|\nphone_number|first_name\n+33639980001|Zoe, Marie\n",
        [(3, ONE, "Zoe, Marie")],
    ),
    Case(
        "excel-short-rows.csv",
        "ddeboer/data-import#33: empty cells at the end are left out",
        "phone_number;first_name;ville;note\n+33639980001;Zoe\n+33639980002\n"
        "+33639980003;Luc;Lyon;x\n",
        [(2, ONE, "Zoe"), (3, TWO), (4, THREE, "Luc")],
    ),
    Case(
        "octopush-example.csv",
        "common-repository/octopush-sms: the gateway's own sample",
        "phone_number;first_name;last_name\n+33639980001;Zoe;Martin\n+33639980002\n"
        "+33639980003;Luc\n",
        [(2, ONE, "Zoe", "Martin"), (3, TWO), (4, THREE, "Luc")],
    ),
    Case(
        "onlyoffice-trailing.csv",
        "ONLYOFFICE/DesktopEditors#427: empty cells too many",
        "phone_number,first_name\n+33639980001,Zoe,,\n+33639980002,Luc,\n",
        [(2, ONE, "Zoe"), (3, TWO, "Luc")],
    ),
    Case(
        "shifted-row.csv",
        "exceljs#454: a cell that holds the delimiter",
        "phone_number,first_name\n+33639980001,Zoe,Marie\n+33639980002,Luc\n",
        [(3, TWO, "Luc")],
        {2: "has 3 cells where the header has 2"},
    ),
    Case(
        "cut-off.csv",
        "C05: a download that broke off",
        "phone_number,first_name\n+33639980001,Zoe\n+3363998",
        [(2, ONE, "Zoe")],
        {3: "the file was probably cut off"},
    ),
    Case(
        "trailing-commas.csv",
        "alphagov/notifications-utils#14",
        "phone_number,first_name,,\n+33639980001,Zoe,,\n,,,\n,,,\n",
        [(2, ONE, "Zoe")],
    ),
    Case(
        "leading-columns.csv",
        "alphagov/notifications-utils#1169",
        ",,phone_number,first_name\n,,+33639980001,Zoe\n",
        [(2, ONE, "Zoe")],
    ),
    Case(
        "blank-lines-first.csv",
        "alphagov/notifications-utils#32",
        "\n\nphone_number\n+33639980001\n\n\n+33639980002\n",
        [(4, ONE), (7, TWO)],
    ),
    Case(
        "one-column.csv",
        "praekelt/vumi-go#725: a sniffer finds no delimiter",
        "phone_number\n+33639980001\n+33639980002\n",
        [(2, ONE), (3, TWO)],
    ),
    Case(
        "quoted-lines.csv",
        "C22: each line in quotes as a whole",
        '"phone_number,first_name"\n"+33639980001,Zoe"\n"+33639980002,""Le, Grand"""\n',
        [(2, ONE, "Zoe"), (3, TWO, "Le, Grand")],
    ),
    Case(
        "some-quoted-lines.csv",
        "C22: Excel quotes only lines with quotes in them",
        'phone_number,first_name\n+33639980001,Zoe\n"+33639980002,""Lu"""\n',
        [(2, ONE, "Zoe"), (3, TWO, "Lu")],
    ),
    Case(
        "libreoffice-quoted.csv",
        "C20: LibreOffice quotes all text",
        '"phone_number","first_name"\n"+33639980001","Zoé"\n',
        [(2, ONE, "Zoé")],
    ),
    Case(
        "newline-in-cell.csv",
        "getodk/javarosa#687",
        'phone_number,note,first_name\n+33639980001,"a\nb",Zoe\n+33639980002,,Luc\n',
        [(2, ONE, "Zoe"), (4, TWO, "Luc")],
    ),
    Case(
        "spoke-headers.csv",
        "ProgressiveCoders/Spoke#2071: firstName, lastName, cell",
        "firstName,lastName,cell\nZoe,Martin,+33639980001\n",
        [(2, ONE, "Zoe", "Martin")],
        options={"columns": {"phone_number": "cell"}},
    ),
    Case(
        "spaced-headers.csv",
        "alphagov/notifications-utils#27: Phone Number",
        "Phone Number,First-Name,LAST_NAME\n+33639980001,Zoe,Martin\n",
        [(2, ONE, "Zoe", "Martin")],
    ),
    Case(
        "google-contacts.csv",
        "C12: Google contacts",
        "First Name,Last Name,Phone 1 - Label,Phone 1 - Value\n"
        "Zoe,Martin,Mobile,06 39 98 00 01\n",
        [(2, ONE, "Zoe", "Martin")],
        options={**FR, "columns": {"phone_number": "Phone 1 - Value"}},
    ),
    Case(
        "outlook.csv",
        "C12, C28: Outlook has many columns with numbers",
        '"Title","First Name","Last Name","Home Phone","Mobile Phone"\n'
        '"","Zoe","Martin","01 99 00 00 01","06 39 98 00 01"\n'
        '"","Luc","Petit","01 99 00 00 02",""\n',
        [(2, ONE, "Zoe", "Martin"), (3, "+33199000002", "Luc", "Petit")],
        options={**FR, "columns": {"phone_number": ["Mobile Phone", "Home Phone"]}},
    ),
    Case(
        "hubspot.csv",
        "resend/resend-cli#332: HubSpot",
        "Record ID,First Name,Last Name,Mobile Phone Number\n"
        "101,Zoe,Martin,+33 6 39 98 00 01\n",
        [(2, ONE, "Zoe", "Martin")],
        options={"columns": {"phone_number": "mobile phone number"}},
    ),
    Case(
        "odoo.csv",
        "odoo/odoo#90891: Odoo quotes and has mobile and phone",
        '"id","name","mobile","phone"\n"res_1","Zoe","","+33 1 99 00 00 01"\n'
        '"res_2","Luc","+33 6 39 98 00 02","+33 1 99 00 00 02"\n',
        [(2, "+33199000001", "Zoe"), (3, TWO, "Luc")],
        options={
            "columns": {"phone_number": ["mobile", "phone"], "first_name": "name"}
        },
    ),
    Case(
        "dolibarr.csv",
        "C12: Dolibarr in French",
        "Nom;Prénom;Tél. mobile\nMartin;Zoé;0639980001\n",
        [(2, ONE, "Zoé", "Martin")],
        options={
            **FR,
            "columns": {
                "phone_number": "tel mobile",
                "first_name": "Prénom",
                "last_name": "Nom",
            },
        },
    ),
    Case(
        "woocommerce.csv",
        "woocommerce#58000: invisible directions from an iPhone",
        "billing_first_name,billing_phone\nZoe,\u202a+33639980001\u202c\n"
        "Luc,\u2066+33 6 39 98 00 02\u2069\n",
        [(2, ONE, "Zoe"), (3, TWO, "Luc")],
        options={
            "columns": {
                "phone_number": "billing_phone",
                "first_name": "billing_first_name",
            }
        },
    ),
    Case(
        "shop-by-country.csv",
        "cleitonme/Whazing-SaaS#412: each row has its country",
        "phone_number,first_name,Pays\n0639980001,Zoe,FR\n07700 900123,Ann,gb\n"
        "(202) 555-0123,Bob,US\n+33639980002,Luc,\n0639980003,Eve,\n06399,Max,XX\n",
        [
            (2, ONE, "Zoe"),
            (3, "+447700900123", "Ann"),
            (4, "+12025550123", "Bob"),
            (5, TWO, "Luc"),
        ],
        {6: "it looks like a national number", 7: "must be the two letters"},
        options={"columns": {"country": "Pays"}},
    ),
    Case(
        "german-crm.csv",
        "calcom/cal.diy#4838: Vorname, Handynummer",
        "Vorname;Nachname;Handynummer\nJörg;Müller;0171 3920001\n"
        "Anna;Groß;+49 (0)171 3920002\n",
        [
            (2, "+491713920001", "Jörg", "Müller"),
            (3, "+491713920002", "Anna", "Groß"),
        ],
        options={
            "country": "DE",
            "columns": {
                "phone_number": "Handynummer",
                "first_name": "vorname",
                "last_name": "nachname",
            },
        },
    ),
    Case(
        "spanish-crm.csv",
        "ProgressiveCoders/Spoke#1908: Móvil",
        "Nombre;Móvil\nJosé;612 34 56 78\n",
        [(2, "+34612345678", "José")],
        options={
            "country": "ES",
            "columns": {"phone_number": "movil", "first_name": "Nombre"},
        },
    ),
    Case(
        "italian-crm.csv",
        "ushahidi/platform#3146: Cellulare",
        "Nome;Cellulare\nLuca;347 1234567\n",
        [(2, "+393471234567", "Luca")],
        options={
            "country": "IT",
            "columns": {"phone_number": "Cellulare", "first_name": "Nome"},
        },
    ),
]

NUMBERS = [
    Case(
        "national.csv",
        "opengovsg/postmangovsg#116: national numbers, nothing declared",
        "phone_number\n06 39 98 00 01\n",
        bad={2: "it looks like a national number: declare its country"},
    ),
    Case(
        "excel-lost-zero.csv",
        "SpartnerNL/Laravel-Excel#300, nothing declared",
        "phone_number\n639980001\n",
        bad={2: "whose leading 0 was dropped by a spreadsheet: declare its country"},
    ),
    Case(
        "excel-lost-zero-fr.csv",
        "KingdomFirst/Excavator#152, France declared",
        "phone_number\n639980001\n0639980002\n",
        [(2, ONE), (3, TWO)],
        options=FR,
    ),
    Case(
        "excel-lost-plus.csv",
        "camptix#40: the + is lost",
        "phone_number\n33639980001\n",
        bad={2: "a spreadsheet probably dropped the '+'"},
    ),
    Case(
        "excel-lost-plus-fr.csv",
        "camptix#40, France declared",
        "phone_number\n33639980001\n0033639980002\n00 33 6 39 98 00 03\n",
        [(2, ONE), (3, TWO), (4, THREE)],
        options=FR,
    ),
    Case(
        "excel-rounded.csv",
        "notifications-admin#4124: scientific notation",
        'phone_number\n3.36E+10\n"3,36E+10"\n',
        bad={2: "was rounded by a spreadsheet", 3: "was rounded by a spreadsheet"},
        options=FR,
    ),
    Case(
        "pandas-float.csv",
        "xlsx2csv#190: a data frame wrote a decimal number",
        "phone_number\n33639980001.0\n639980002.0\n",
        bad={2: "must not be written as a decimal", 3: "must not be written as"},
        options=FR,
    ),
    Case(
        "trunk-zero.csv",
        "osmose-qa/osmose-backend#227: +33 06",
        "phone_number\n+33 06 39 98 00 01\n+330639980002\n+33639980003\n",
        [(4, THREE)],
        {
            2: "without the trunk prefix after +33",
            3: "without the trunk prefix after +33",
        },
    ),
    Case(
        "trunk-zero-in-brackets.csv",
        "whisperfish/rust-phonenumber#81: (0)",
        "phone_number\n+33 (0)6 39 98 00 01\n",
        bad={2: "without the '(0)' for domestic calls"},
    ),
    Case(
        "trunk-zero-in-brackets-fr.csv",
        "Laravel-Phone#170, France declared",
        "phone_number\n+33 (0)6 39 98 00 01\n(0)6 39 98 00 02\n(+33) 639980003\n",
        [(2, ONE), (3, TWO), (4, THREE)],
        options=FR,
    ),
    Case(
        "too-short-too-long.csv",
        "osunyorg/admin#512: no phone has these",
        "phone_number\n+33612\n+336399800011\n+33 6 39 98 00\n",
        bad={
            2: "has too few digits",
            3: "has too many digits",
            4: "has too few digits",
        },
    ),
    Case(
        "iphone-directions.csv",
        "glific#4815, Signal-Android#11630: invisible marks",
        "phone_number\n\u202a+33639980001\u202c\n\u200e+33639980002\n"
        "+33639\u200b980003\n",
        [(2, ONE), (3, TWO), (4, THREE)],
    ),
    Case(
        "excel-tricks.csv",
        "postmangovsg#88: what keeps Excel from changing a number",
        'phone_number\n\'+33639980001\n"=""+33639980002"""\ntel:+33-6-39-98-00-03\n',
        [(2, ONE), (3, TWO), (4, THREE)],
    ),
    Case(
        "full-width.csv",
        "verbb/hyper#86: full-width digits",
        "phone_number\n\uff0b\uff13\uff13639980001\n",
        [(2, ONE)],
    ),
    Case(
        "en-dash.csv",
        "nhoizey/vscode-gremlins#204: a dash that is no hyphen",
        "phone_number\n+33639–980001\n",
        bad={2: "contains '–' (EN DASH, U+2013)"},
    ),
    Case(
        "en-dash-fr.csv",
        "nhoizey/vscode-gremlins#204, France declared",
        "phone_number\n06–39–98–00–01\n06/39/98/00/02\n",
        [(2, ONE), (3, TWO)],
        options=FR,
    ),
    Case(
        "two-in-a-cell.csv",
        "Spoke#1652, verboice#682: two numbers in one cell",
        "phone_number\n06 39 98 00 01 / 06 39 98 00 02\n0639980001;x\n",
        bad={2: "has too many digits", 3: "has 2 cells"},
        options={**FR, "delimiter": ";"},
    ),
    Case(
        "google-separator.csv",
        "owncloud/contacts#818: Google joins numbers by :::",
        "phone_number\n+33639980001 ::: +33639980002\n",
        bad={2: "contains ':' (COLON, U+003A)"},
    ),
    Case(
        "extension.csv",
        "C28: an extension",
        "phone_number\n06 39 98 00 01 x12\n",
        bad={2: "contains 'x' (LATIN SMALL LETTER X, U+0078)"},
        options=FR,
    ),
    Case(
        "word.csv",
        "tbar0970/jethro-pmm#292: a word in place of a number",
        "phone_number\ninconnu\n",
        bad={2: "contains 'i' (LATIN SMALL LETTER I, U+0069)"},
    ),
    Case(
        "no-break-spaces.csv",
        "woocommerce#68164: narrow no-break spaces",
        "phone_number\n+33\u202f6\u00a039\u202f98\u202f00\u202f01\n",
        [(2, ONE)],
    ),
    Case(
        "mixed-countries.csv",
        "C11: international numbers stay what they are",
        "phone_number\n+447700900123\n+1 202 555 0123\n0639980001\n",
        [(2, "+447700900123"), (3, "+12025550123"), (4, ONE)],
        options=FR,
    ),
    Case(
        "no-such-code.csv",
        "rapidpro#91: no country has this code",
        "phone_number\n+99963998000\n",
        bad={2: "has no existing country code"},
    ),
]

HEADERS = [
    Case(
        "postman-header.csv",
        "opengovsg/postmangovsg#194: no column for numbers",
        "Téléphone;Prénom\n0639980001;Zoé\n",
        refused="--column phone_number=Téléphone",
    ),
    Case(
        "several-suggested.csv",
        "C28: several columns may be meant",
        "Mobile;Téléphone fixe;Portable\n;;0639980001\n",
        refused="--column phone_number=Mobile,Portable",
    ),
    Case(
        "no-suggestion.csv",
        "C12: nothing that looks like a number",
        "alpha,beta\n1,2\n",
        refused="rename the column with the numbers, name it",
    ),
    Case(
        "no-header.csv",
        "pentestgeek/phishing-frenzy#103: data in the first line",
        "+33639980001,Zoe\n+33639980002,Luc\n",
        refused="add a header line before it",
    ),
    Case(
        "column-twice.csv",
        "xurizaemon/csvimport#1",
        "phone_number,Phone Number\n+33639980001,+33639980002\n",
        refused="has the column phone_number twice",
    ),
    Case(
        "declared-column-twice.csv",
        "mautic#2640",
        "Mobile,mobile,Prénom\n0639980001,0639980002,Zoé\n",
        refused="has the column Mobile twice",
        options=MOBILE,
    ),
    Case(
        "declared-column-missing.csv",
        "ChurchCRM#8285",
        "Portable,Prénom\n0639980001,Zoé\n",
        refused="has no column 'Mobile', only 'Portable, Prénom'",
        options=MOBILE,
    ),
    Case(
        "unused-value-too-long.csv",
        "alphagov/notifications-utils#10: what no text uses costs nobody",
        f"phone_number,first_name,note\n+33639980001,Zoe,{'x' * 90}\n",
        [(2, ONE, "Zoe")],
    ),
    Case(
        "used-value-too-long.csv",
        "C06: more than 50 characters",
        f"phone_number,first_name\n+33639980001,{'x' * 51}\n+33639980002,Luc\n",
        [(3, TWO, "Luc")],
        {2: "must have 1 to 50 characters (got 51 characters)"},
    ),
]

JSON = [
    Case(
        "array.json",
        "C31: an API exports an array in one line",
        '[{"phone_number":"+33639980001","first_name":"Zoé"},'
        '{"phone_number":"+33639980002"}]',
        [(1, ONE, "Zoé"), (1, TWO)],
    ),
    Case(
        "pretty-array.json",
        "fusionpbx#1871: an array in many lines",
        '[\n  {\n    "phone_number": "+33639980001"\n  },\n  "+33639980002"\n]\n',
        [(2, ONE), (5, TWO)],
    ),
    Case(
        "crm.json",
        "esitarski/RaceDB#35: names of another program",
        '[{"firstName":"Zoé","Mobile":"06 39 98 00 01","Tags":["a",{"b":1}]}]',
        [(1, ONE, "Zoé")],
        options={**FR, "columns": {"phone_number": "mobile"}},
    ),
    Case(
        "numbers.json",
        "onadata#1432: numbers that are no strings",
        '[{"phone_number":33639980001}]',
        bad={1: "is a JSON number, which cannot keep the '+'"},
    ),
    Case(
        "numbers-fr.json",
        "onadata#1432, France declared",
        '[{"phone_number":33639980001},{"phone_number":639980002}]',
        [(1, ONE), (1, TWO)],
        options=FR,
    ),
    Case(
        "lines.jsonl",
        "pingone-user-import-tool#3: one bad line",
        '{"phone_number":"+33639980001"}\n{"phone_number":\n"+33639980003"\n',
        [(1, ONE), (3, THREE)],
        {2: "cannot be read as JSON"},
    ),
    Case(
        "cut-off.json",
        "C31: an array that ends too early",
        '[{"phone_number":"+33639980001"},\n',
        [(1, ONE)],
        refused="ends within its array",
    ),
]

# Written once with xlwt: no writer of this format is maintained any more.
WORKBOOKS = [
    Case(
        "clients-97.xls",
        "a workbook of Excel 97: numbers as text and as figures, and a second sheet",
        (Path(__file__).parent / "files" / "clients-97.xls").read_bytes(),
        [
            (2, ONE, "Zoé", "Durand"),
            (3, TWO, "Luc", "Petit"),
            (4, THREE, "Ann", "Roy"),
            (6, "+33639980004", "Max", "Noir"),
            (8, "+33639980005", "Eva", "Gris"),
        ],
        {5: "contains 'i' (LATIN SMALL LETTER I, U+0069)"},
        options={
            **FR,
            "columns": {
                "phone_number": "telephone portable",
                "first_name": "prenom",
                "last_name": "nom",
            },
        },
    ),
]

ALL = [*EXPORTS, *NUMBERS, *HEADERS, *JSON, *WORKBOOKS]
