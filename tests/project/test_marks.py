"""Which tests are exhaustive, and so in a session of their own."""

from pathlib import Path
from unittest.mock import Mock

import pytest


TESTS = Path(__file__).parent.parent


@pytest.mark.parametrize(("folder", "marks"), [("crash", ["exhaustive"]), ("bulk", [])])
def test_a_folder_marks_its_tests(pytestconfig, folder, marks):
    """Also if one of them is asked for by its file."""
    ours = pytestconfig.pluginmanager.get_plugin(str(TESTS / "conftest.py"))
    item = Mock(path=TESTS / folder / "test_it.py")

    ours.pytest_collection_modifyitems([item])

    assert [call.args[0] for call in item.add_marker.call_args_list] == marks
