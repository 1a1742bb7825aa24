"""The top of the `pywren` command: its help and its versions."""

from __future__ import annotations

import click

from pywren_cli.versions import installed_versions


def _show_versions(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    for name, version in installed_versions():
        click.echo(f"{name} {version}")
    ctx.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_versions,
    help="Show the version of every installed PyWren package and exit.",
)
def main() -> None:
    """Run Python functions over data on many workers.

    PyWren is used from Python (`import pywren`). The backends that need commands of their own
    bring them in later versions; until then this command tells what is installed.
    """
