// The `gates:` part of the policy file: the steps that a version is promoted by, one chain of stages.

import { ROLE_ACTIONS } from "./actions.ts";
import type { Staff } from "./approvals.ts";
import { keysOf } from "./file-keys.ts";
import type { Gate } from "./governance.ts";
import { nearest } from "./near.ts";
import type { Place, Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import { readApprovals } from "./read-approvals.ts";
import { checkId, entriesOf, references, Section, textList } from "./section.ts";
import { type Entry, quote, type Tree } from "./yaml-tree.ts";

const STEP = /^(\S+) -> (\S+)$/;

/** Stages that gates name, in the order of the chain as far as there is one. */
export function stagesOf(tree: Tree | undefined): readonly string[] {
  const steps = tree?.kind === "map" ? tree.entries.flatMap(({ key }) => stepOf(key) ?? []) : [];
  const start = steps.find(({ from }) => !steps.some(({ to }) => to === from));
  const chain = start ? [start.from] : [];
  for (let at = start; at && !chain.includes(at.to); ) {
    const { to } = at;
    chain.push(to);
    at = steps.find(({ from }) => from === to);
  }
  return [...new Set([...chain, ...steps.flatMap(({ from, to }) => [from, to])])];
}

export function readGates(tree: Tree | undefined, names: Names, staff: Staff, problems: Problems): readonly Gate[] {
  if (!tree) return [];
  const entries = entriesOf(tree, "gates", problems);
  if (tree.kind === "map" && entries.length === 0)
    problems.error(tree.place, "gates has no step", "dev -> production: {}");
  const promoters = staff.roles.some((role) => role.can.includes("artifact.promote"));
  if (entries.length > 0 && !promoters) {
    problems.error(
      tree.place,
      "no version can ever pass a gate: no role can artifact.promote",
      "add it to a role's can",
    );
  }
  const gates = entries.flatMap((entry) => readGate(entry, names, staff, problems));
  checkChain(gates, problems);
  return gates.map(({ gate }) => gate).sort((a, b) => names.stages.indexOf(a.from) - names.stages.indexOf(b.from));
}

interface Placed {
  readonly gate: Gate;
  readonly place: Place;
}

function readGate(entry: Entry, names: Names, staff: Staff, problems: Problems): readonly Placed[] {
  const step = stepOf(entry.key);
  if (!step) {
    problems.error(entry.place, `${quote(entry.key)} is no step between two stages`, "write it as dev -> candidate");
    return [];
  }
  const named = [step.from, step.to].every((stage) => checkId(stage, entry.place, "stage", problems));
  const section = new Section(entry.value, `gate ${entry.key}`, keysOf("gate"), [], problems);
  const listed = textList(section.optional("evidence"), "evidence", problems);
  const approvals = section.optional("approvals");
  const about = {
    what: `gate ${entry.key}`,
    ...{ domains: names.domains, class: names.classes[0], actions: PROMOTE },
  };
  const gate: Gate = {
    ...{ id: entry.key, line: entry.place.line, from: step.from, to: step.to },
    evidence: references(listed, "evidence kind", names.evidence, problems).map(({ value }) => value),
    approvals: approvals ? readApprovals(approvals, { ...about, stage: step.from }, staff, problems) : undefined,
  };
  return named ? [{ gate, place: entry.place }] : [];
}

const PROMOTE = ROLE_ACTIONS.filter((action) => action === "artifact.promote");

function stepOf(key: string): { readonly from: string; readonly to: string } | undefined {
  const [, from, to] = STEP.exec(key) ?? [];
  return from !== undefined && to !== undefined ? { from, to } : undefined;
}

/** One way only: from the first stage to the last, without a fork, a joint, a gap or a way back. */
function checkChain(gates: readonly Placed[], problems: Problems): void {
  const line = "stages stand in one line: a -> b, b -> c";
  for (const { gate, place } of gates) {
    const before = gates
      .slice(
        0,
        gates.findIndex((each) => each.gate === gate),
      )
      .map((each) => each.gate);
    if (gate.from === gate.to) problems.error(place, `gate ${gate.id} leads nowhere`);
    const fork = before.find(({ from }) => from === gate.from);
    if (fork) problems.error(place, `two gates start at ${gate.from}: ${fork.id} and ${gate.id}`, line);
    const joint = before.find(({ to }) => to === gate.to);
    if (joint) problems.error(place, `two gates lead to ${gate.to}: ${joint.id} and ${gate.id}`, line);
  }
  const starts = gates.filter(({ gate }) => !gates.some((each) => each.gate.to === gate.from));
  const [first] = gates;
  if (first && starts.length === 0) problems.error(first.place, "the gates go round in a circle", line);
  const [, second] = starts;
  if (!second) return;
  const { from } = second.gate;
  const near = nearest(
    from,
    gates.map(({ gate }) => gate.to),
  );
  const hint = near === undefined ? line : `did you mean ${near}?`;
  problems.error(second.place, `no gate leads to ${from}: the gates are no single line`, hint);
}
