"""``sgdiagrams modified``: the equation that training follows, its loss, and imitation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from sgdiagrams.commands.shared.completion import names
from sgdiagrams.commands.shared.help import command, given_command
from sgdiagrams.commands.shared.options import (
    OPTIMIZERS,
    SAMPLINGS,
    fix_option,
    format_option,
    optimizer_options,
    output_option,
    sampling_option,
)
from sgdiagrams.commands.shared.output import emit, emit_formula
from sgdiagrams.commands.shared.progress import working
from sgdiagrams.commands.shared.requests import parse_settings, read_protocol, refuse_options

if TYPE_CHECKING:
    from sgdiagrams.symbolic.modified.equation import ModifiedEquation
    from sgdiagrams.symbolic.modified.imitation import Imitation
    from sgdiagrams.symbolic.modified.loss import ModifiedLoss
    from sgdiagrams.symbolic.training.training import Training

__all__ = ["modified"]


@command(short_help="Derive the equation or the loss that training follows.")
@click.option(
    "--order",
    type=click.IntRange(1, 7),
    default=2,
    show_default=True,
    help="Highest power of eta, 1 to 7; with --imitate 2 to 5.",
)
@sampling_option("one-pass")
@optimizer_options
@click.option(
    "--role",
    type=click.Choice(["population", "training-set"]),
    default="population",
    show_default=True,
    help="Average over all training sets, or over the orders of a given one.",
)
@click.option(
    "--basis",
    type=click.Choice(["cumulant", "moment", "plug-in"]),
    help="Cumulants when left out; plug-in, averages over the set, with --role training-set.",
)
@click.option(
    "--per", type=click.Choice(["update", "epoch"]), help="The unit of time; update when left out."
)
@click.option(
    "--loss", is_flag=True, help="The loss whose gradient the drift is, and what is no gradient."
)
@click.option(
    "--imitate",
    metavar="NAME",
    shell_complete=names(*SAMPLINGS, *(f"one-pass,{name}" for name in OPTIMIZERS)),
    help="What --sampling adds to its loss to imitate another one, or another with its optimizer: "
    "fresh-data, or fresh-data,momentum:beta=0.9.",
)
@click.option(
    "--imitate-set",
    "others",
    metavar="NAME=VALUE",
    multiple=True,
    help="Fix a number of what is imitated: B=1; may be repeated.",
)
@fix_option
@format_option("text", "latex", "mathml", "json", "python")
@click.option("--standalone", is_flag=True, help="A whole LaTeX document, or a page of HTML.")
@click.option(
    "--document",
    is_flag=True,
    help="The whole derivation as an article (latex): question, theorem, letters, result, limits.",
)
@click.option(
    "--width",
    metavar="LENGTH",
    help="Of a line (latex, mathml): 12cm, 345pt, textwidth, columnwidth; LaTeX's article when left out.",
)
@output_option
def modified(
    *,
    order: int,
    role: Any,
    basis: str | None,
    per: Any,
    loss: bool,
    imitate: str | None,
    others: tuple[str, ...],
    settings: tuple[str, ...],
    style: str,
    standalone: bool,
    document: bool,
    width: str | None,
    output: str | None,
    **protocol: Any,
) -> None:
    """Derive the modified equation that training follows between its updates, exactly to an order.

    Drift, diffusion and tensors of more legs, by powers of the learning rate. Where steps come back to
    the same rows (full-batch, with-replacement, reshuffled-epochs), take --role training-set: values are
    then those of the given set. With momentum the equation holds after the transient, whose shift is
    printed too; with a schedule it is that of the last update, and T is set.

    \b
    Examples:
        sgdiagrams modified --order 3
        sgdiagrams modified --sampling gradient-descent --optimizer momentum --order 3 --format latex
        sgdiagrams modified --sampling reshuffled-epochs --role training-set --loss
        sgdiagrams modified --sampling full-batch --imitate one-pass
    """  # noqa: D301 - click reads the control character
    if style not in ("latex", "mathml"):
        rule = "only with --format latex or mathml"
        refuse_options(rule, {"--width": width is not None, "--standalone": standalone})
    if document:
        refuse_options("only with --format latex", {"--document": style != "latex"})
        without = {"--standalone": standalone, "--imitate": imitate is not None}
        refuse_options("only without --document", without)
    if imitate is None:
        refuse_options("only with --imitate", {"--imitate-set": bool(others)})
    else:
        refuse_options(
            "only without --imitate",
            {"--loss": loss, "--basis": basis is not None, "--per": per is not None},
        )
    with working("expanding"):
        training = _training(parse_settings(settings), **protocol)
        options: dict[str, Any] = {
            "role": role,
            "basis": basis or "cumulant",
            "per": per or "update",
        }
        if imitate is not None:
            made: ModifiedEquation | ModifiedLoss | Imitation = _imitation(
                imitate, parse_settings(others, option="--imitate-set"), training, order, role
            )
        else:
            made = derived = _derived(order, training, is_loss=loss, **options)
        text = (
            derived.document(width=width, command=given_command())
            if document
            else _in_format(made, style, standalone=standalone, width=width)
        )
    (emit_formula if style == "text" else emit)(text, output)


def _training(numbers: dict[str, Any], **protocol: Any) -> Training:
    from sgdiagrams.symbolic.training.training import Training

    return Training(*read_protocol(numbers, **protocol))


def _derived(
    order: int, training: Training, *, is_loss: bool, **options: Any
) -> ModifiedEquation | ModifiedLoss:
    from sgdiagrams.symbolic.modified.equation import modified_equation
    from sgdiagrams.symbolic.modified.loss import modified_loss

    schemes: dict[str, Any] = {"sampling": training.sampling, "optimizer": training.optimizer}
    if is_loss:
        return modified_loss(order, **schemes, **options)
    return modified_equation(order, **schemes, **options)


def _imitation(
    text: str, numbers: dict[str, Any], training: Training, order: int, role: Any
) -> Imitation:
    """Return how a training imitates another, named as ``SAMPLING`` or ``SAMPLING,OPTIMIZER``."""
    from sgdiagrams.symbolic.modified.imitation import imitate

    sampling, _, method = text.partition(",")
    options = ("weight_decay", "schedule", "average", "penalty", "decoupled_decay")
    protocol: dict[str, Any] = dict.fromkeys(options)
    what = _training(numbers, sampling=sampling.strip(), method=method.strip() or "sgd", **protocol)
    return imitate(what, training, order=order, role=role)


def _in_format(
    made: ModifiedEquation | ModifiedLoss | Imitation,
    style: str,
    *,
    standalone: bool,
    width: str | None,
) -> str:
    if style in ("latex", "mathml"):
        write = made.latex if style == "latex" else made.mathml
        return write(standalone=standalone, width=width)
    if style == "json":
        return made.to_json()
    return made.python() if style == "python" else made.text()
