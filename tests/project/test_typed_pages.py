"""How pages become modules for type checkers; `nox -s typing` has them read."""

import ast
from pathlib import Path

import pages
import pytest
import typed_pages


ROOT = Path(__file__).parents[2]
PAGE = """# Page

<!-- given
    number = "+33639980001"
-->
```python
sent = await octopush.sms.send(
    text="Hi", recipients=[number], sender="Acme", purpose="alert"
)
```

```python
# service.py
code = "of a file"
```

<!-- not run: it cannot -->

```python
left_out
```

```sh
octopush doctor
```
"""


def test_a_block_stands_on_its_own_line():
    """Hidden ones as well; files, commands and what is not run stand elsewhere."""
    lines = typed_pages.module_of(PAGE).splitlines()

    assert lines[3] == '    number = "+33639980001"'
    assert lines[6] == "    sent = await octopush.sms.send("
    assert lines[6].strip() == PAGE.splitlines()[6]
    text = "\n".join(lines)
    assert not any(word in text for word in ("of a file", "left_out", "doctor"))


def test_files_are_modules_beside_it(tmp_path):
    """And a page without Python is none; settings for both checkers are there."""
    source, folder = tmp_path / "docs", tmp_path / "out"
    for one in (source, folder):
        one.mkdir()
    (source / "a-page.md").write_text(PAGE)
    (source / "prose.md").write_text("# Only words\n")

    typed_pages.write(sorted(source.iterdir()), tmp_path, folder)

    assert {one.name for one in folder.iterdir()} == {
        *("docs_a_page.py", "service.py", "mypy.ini", "pyrightconfig.json"),
    }
    assert 'code = "of a file"' in (folder / "service.py").read_text()

    with pytest.raises(FileExistsError):
        typed_pages.write(sorted(source.iterdir()), tmp_path, folder)


def test_every_page_is_read(tmp_path):
    """All of ours become modules that Python can read, each block in its place."""
    typed_pages.write(pages.paths(ROOT), ROOT, tmp_path)

    written = {one.name: one.read_text("utf-8") for one in tmp_path.glob("*.py")}
    assert {"README.py", "docs_bulk.py", "docs_tutorial.py"} <= set(written)
    for name, code in written.items():
        assert ast.parse(code, name).body
    for path in pages.paths(ROOT):
        text = path.read_text("utf-8")
        name = "_".join(path.relative_to(ROOT).with_suffix("").parts)
        module = written.get(f"{name}.py".replace("-", "_"), "").splitlines()
        for item in pages.read(text):
            if item.kind == "python" and not (item.file or item.reason):
                first = item.code.splitlines()[0]
                assert module[item.line - 1].strip() == first.strip(), path
