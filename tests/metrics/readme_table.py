"""README's rows of metrics from their entries. Run: python -m tests.metrics.readme_table"""

from metrics.catalogue import catalogue


def metric_rows():
    return [
        f"| {entry.name} | {entry.says} | {entry.direction} | {', '.join(entry.needs)} |".replace("  |", " |")
        for entry in catalogue()
    ]


if __name__ == "__main__":
    print("\n".join(metric_rows()))
