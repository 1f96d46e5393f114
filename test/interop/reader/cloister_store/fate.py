"""What became of a version: retired, held, its keys destroyed."""
from dataclasses import dataclass


@dataclass
class Fate:
    retired: bool = False
    held: bool = False
    # Who destroyed its keys, and by which entry.
    shredded: dict | None = None


def fate_of(judge, version_id, before=None):
    fate = Fate()
    for order, step, intent, effect in sorted(steps(judge.log, version_id, before), key=lambda each: each[0]):
        if fate.shredded or step == "shred" and (fate.held or not fate.retired):
            continue
        if judge.why_not(intent, None, effect) is not None:
            continue
        if step == "shred":
            fate.shredded = {"by": intent["member"], "entry": order}
        elif step in ("retire", "restore"):
            fate.retired = step == "retire"
        else:
            fate.held = step == "hold"
    return fate


def steps(log, version_id, before):
    """(entry that counts, step, intent, done): a `shred` is its intent, everything else its `done`."""
    for entry in log.about(version_id, before):
        if entry["action"] not in ("artifact.retire", "artifact.restore"):
            continue
        intent = log.operation(entry).get("intent")
        if intent is None:
            continue
        step = "restore" if entry["action"] == "artifact.restore" else intent["facts"].get("retire")
        if step == "shred" and entry["phase"] == "intent":
            yield entry["entry"], step, intent, None
        elif step in ("retire", "restore", "hold", "release") and entry["phase"] == "done":
            yield entry["entry"], step, intent, entry
