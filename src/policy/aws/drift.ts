// How a deployed document differs from the one that the policy makes, in what it allows and not in how it is written.
import type { Json } from "../../base/json.ts";
import { type Clause, clausesOf } from "./canonical.ts";
import type { PolicyDocument } from "./document.ts";

/** `wider`: AWS allows what the policy does not. `narrower`: it refuses what the policy allows. `other`: both may be. */
export interface Difference {
  readonly direction: "wider" | "narrower" | "other";
  readonly text: string;
}

/** One action on one resource, with everything that it depends on. */
interface Atom {
  readonly effect: Clause["effect"];
  readonly subject: string;
  readonly resource: string;
  readonly conditions: readonly string[];
}

/** @throws {@link CloisterError} USAGE where the deployed document is none */
export function differences(expected: PolicyDocument, deployed: Json | undefined, what: string): readonly Difference[] {
  const ours = atomsOf(clausesOf(expected as unknown as Json, what));
  const theirs = atomsOf(clausesOf(deployed, what));
  const gone = [...ours].filter(([id]) => !theirs.has(id)).map(([, atom]) => atom);
  const added = [...theirs].filter(([id]) => !ours.has(id)).map(([, atom]) => atom);
  const changed = gone.flatMap((atom) => {
    const now = added.find((other) => baseOf(other) === baseOf(atom));
    return now ? [{ atom, now }] : [];
  });
  const rest = (atoms: readonly Atom[]): readonly Atom[] =>
    atoms.filter((atom) => !changed.some((pair) => pair.atom === atom || pair.now === atom));
  return summed([
    ...changed.map(({ atom, now }) => ({ atom, ...change(atom, now) })),
    ...rest(gone).map((atom) => ({
      ...{ atom, direction: atom.effect === "Allow" ? ("narrower" as const) : ("wider" as const) },
      verb: atom.effect === "Allow" ? "does not allow" : "does not deny",
      end: under(atom.conditions),
    })),
    ...rest(added).map((atom) => ({
      ...{ atom, direction: atom.effect === "Allow" ? ("wider" as const) : ("narrower" as const) },
      verb: atom.effect === "Allow" ? "also allows" : "also denies",
      end: under(atom.conditions),
    })),
  ]);
}

function atomsOf(clauses: readonly Clause[]): ReadonlyMap<string, Atom> {
  const atoms = clauses.flatMap(({ effect, principals, actions, resources, conditions }) =>
    (principals.length > 0 ? principals : [""]).flatMap((principal) =>
      (actions.length > 0 ? actions : ["nothing"]).flatMap((action) =>
        (resources.length > 0 ? resources : [""]).map((resource): Atom => {
          const subject = principal === "" ? action : `${action} to ${principal}`;
          return { effect, subject, resource, conditions };
        }),
      ),
    ),
  );
  return new Map(atoms.map((atom) => [JSON.stringify([baseOf(atom), atom.conditions]), atom]));
}

function baseOf({ effect, subject, resource }: Atom): string {
  return JSON.stringify([effect, subject, resource]);
}

/** The same action on the same thing under other conditions: fewer of them reach further. */
function change(
  atom: Atom,
  now: Atom,
): { readonly direction: Difference["direction"]; readonly verb: string; readonly end: string } {
  const lost = atom.conditions.filter((each) => !now.conditions.includes(each));
  const won = now.conditions.filter((each) => !atom.conditions.includes(each));
  const reach = won.length === 0 ? "further" : lost.length === 0 ? "less far" : "elsewhere";
  const wide = atom.effect === "Allow" ? "further" : "less far";
  const direction = reach === "elsewhere" ? "other" : reach === wide ? "wider" : "narrower";
  const texts = [
    lost.length > 0 ? `without ${lost.join(" and ")}` : "",
    won.length > 0 ? `with ${won.join(" and ")}` : "",
  ].filter((text) => text !== "");
  return { direction, verb: atom.effect === "Allow" ? "allows" : "denies", end: `, ${texts.join(", ")}` };
}

function under(conditions: readonly string[]): string {
  return conditions.length > 0 ? `, where ${conditions.join(" and ")}` : "";
}

interface Line {
  readonly atom: Atom;
  readonly direction: Difference["direction"];
  readonly verb: string;
  readonly end: string;
}

/** One line for all resources of which the same is to be said. */
function summed(lines: readonly Line[]): readonly Difference[] {
  const groups = new Map<string, { readonly line: Line; readonly resources: string[] }>();
  for (const line of lines) {
    const id = JSON.stringify([line.direction, line.verb, line.atom.subject, line.end]);
    const group = groups.get(id) ?? { line, resources: [] };
    group.resources.push(line.atom.resource);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ line: { direction, verb, atom, end }, resources }) => {
    const on = resources.filter((resource) => resource !== "").join(", ");
    return { direction, text: `${verb} ${atom.subject}${on === "" ? "" : ` on ${on}`}${end}` };
  });
}
