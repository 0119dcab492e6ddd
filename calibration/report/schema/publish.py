"""report.schema.json, made from the models.

    python -m calibration.report.schema.publish

writes it anew beside this file; a test holds it against the models.
"""

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from calibration.report.schema.document import Report

SCHEMA_FILE = Path(__file__).with_name("report.schema.json")
"""Published with the package."""


class _Untitled(GenerateJsonSchema):
    """Without a title that only repeats each key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def report_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of report.json.

    Examples
    --------
    >>> report_schema()["properties"]["created"]["description"]
    'When the report was made (ISO 8601, UTC).'
    """
    made = Report.model_json_schema(schema_generator=_Untitled)
    return {"$schema": GenerateJsonSchema.schema_dialect, **made}


def schema_text() -> str:
    """`report_schema` as it stands in the file."""
    return json.dumps(report_schema(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file anew."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
