"""`medmeta meta-test`: learners and baselines on cohorts that meta-training never drew."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict

import typer

from medmeta.cli import inputs
from medmeta.cli.console import Console
from medmeta.errors import MedMetaError


def meta_test(
    learner: list[str] = typer.Option(
        ["maml"], "--learner", help="Bundled weights or the path of a checkpoint; repeatable."
    ),
    tasks: str = typer.Option("meta-test", "--tasks", help="Task set."),
    k: str = typer.Option("1,2,3,5,10", "--k", help="Numbers of annotated slices."),
    episodes: int = typer.Option(40, "--episodes", min=2, help="For each K, and each of same and other volume."),
    baselines: bool = typer.Option(
        True, help="Also the nearest slice, joint training with fine-tuning, and training from scratch (slow)."
    ),
    card: bool = typer.Option(False, "--card", help="Write the model card beside the one checkpoint."),
    seed: int = inputs.SEED,
    json: bool = inputs.JSON,
    debug: bool = inputs.DEBUG,
) -> None:
    """Prints mean Dice and 95% interval of every method for every K, and how soon each is nearly there."""
    console = Console(json)
    ks = inputs.parse_ks(k)
    chosen = inputs.task_set(tasks)
    if card and len(learner) > 1:
        raise MedMetaError("--card goes with one --learner: a model card is about one checkpoint.")

    import torch

    from medmeta.evaluation.contestants import baseline_methods, card_methods, is_image_level, learner_methods
    from medmeta.evaluation.meta_test import meta_test as run
    from medmeta.evaluation.meta_test import speed_table, table
    from medmeta.evaluation.model_card import write_model_card
    from medmeta.evaluation.pair_test import pair_table, pair_test
    from medmeta.learners.checkpoint import load_checkpoint
    from medmeta.learners.weights import find_weights

    torch.manual_seed(seed)
    command = shlex.join(["medmeta", *sys.argv[1:]])
    if is_image_level(learner):
        scores = pair_test(load_checkpoint(find_weights(learner[0]))[0], episodes, seed, chosen)
        if card:
            console.note(f"wrote {write_model_card(learner[0], pair_table(scores), command)}")
        console.result({"command": command, "tasks": chosen.sha256, "pairs": [asdict(score) for score in scores]})
        if not json:
            print(f"`{command}`\n\n{pair_table(scores)}")
        return
    methods = card_methods(learner[0]) if card else learner_methods(learner)
    if baselines and not card:
        methods = [*baseline_methods(), *methods]

    def note(row) -> None:
        if not json:
            print(table([row]).splitlines()[-1], file=sys.stderr, flush=True)

    rows = run(methods, ks, episodes, seed, note, chosen)
    if card:
        console.note(f"wrote {write_model_card(learner[0], table(rows), command)}")
    if json:
        console.result({"command": command, "tasks": chosen.sha256, "rows": [asdict(row) for row in rows]})
    else:
        print(f"`{command}`\n\n{table(rows)}\n\n{speed_table(rows)}")
