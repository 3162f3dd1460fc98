"""``sgdiagrams verify``: check the engine on this machine."""

from __future__ import annotations

import click

from sgdiagrams.commands.shared.help import command
from sgdiagrams.commands.shared.options import seed_option

__all__ = ["verify"]


@command(short_help="Check counts, sum rules and exact comparisons.")
@click.option("--order", type=click.IntRange(1, 9), default=4, show_default=True)
@seed_option
def verify(*, order: int, seed: int) -> None:
    """Check the engine against published counts, sum rules and an exact simulator.

    The simulator runs SGD on truncated power series with rational coefficients, over every training set
    of a random polynomial landscape; every coefficient must agree as a fraction. The exit status is 1
    when anything is off.
    """
    from sgdiagrams.diagrams.tables import folded_for_people
    from sgdiagrams.numeric.verification import verify as run_checks

    failed = 0
    total = 0
    for check in run_checks(order, seed=seed):  # the lines themselves show the progress
        total += 1
        failed += not check.passed
        line = f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.detail}"
        click.echo(folded_for_people(line))
    click.echo(f"{total - failed} of {total} checks passed")
    if failed:
        raise click.exceptions.Exit(1)
