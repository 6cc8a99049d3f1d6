import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).parents[2] / "docs" / "design" / "measures.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_document_run(example):
    exec(compile(example, DOCUMENT, "exec"), {"__name__": "example"})
