"""Print the tables of docs/options.md from namesrv/options.py: `make options`."""

from namesrv.option import GROUPS, Option, value_text
from namesrv.options import OPTIONS


def row(option: Option) -> str:
    default = "" if option.default is None else value_text(option.default)
    shown = f"`{default}`" if default else "not set"
    remote = "yes" if option.remote else ""
    meaning = option.meaning
    if option.choices:
        meaning += ": " + ", ".join(f"`{choice}`" for choice in option.choices)
    return f"| `{option.name}` | {shown} | {remote} | {meaning} |"


def table(group: str) -> str:
    rows = [row(option) for option in OPTIONS if option.group == group]
    head = ["| option | default | 318 | meaning |", "|---|---|---|---|"]
    return "\n".join([f"**{group}**", "", *head, *rows])


if __name__ == "__main__":
    print("\n\n".join(table(group) for group in GROUPS))
