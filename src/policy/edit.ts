// Changes the policy file as a person would: a line more, a number changed, comments and layout kept.
import { isMap, isScalar, type Pair, parseDocument, type YAMLMap } from "yaml";
import { CloisterError } from "../base/errors.ts";
import { readPolicy } from "./read.ts";
import { holdingText, memberOf, type Policy } from "./schema.ts";
import { quoted } from "./template.ts";

/** What follows the version a file was made from. */
export interface NextVersion {
  readonly version: number;
  /** SHA-256 of the version before, hex, with or without `sha256:`. */
  readonly previous: string;
}

/** A member as the join line describes them. */
export interface NewMember {
  readonly id: string;
  readonly name: string;
  /** `role` or `role@domain`. */
  readonly roles: readonly string[];
  readonly signs: string;
  readonly reads: string;
}

/**
 * The text with one member more, and as the next version.
 *
 * @throws {@link CloisterError} USAGE where the text is no valid policy before or after, the id is taken, or the layout
 * of the file leaves no line to add
 */
export function addMember(text: string, member: NewMember, next: NextVersion): string {
  const before = policyIn(text, "the policy file is not valid");
  if (memberOf(before, member.id)) {
    throw new CloisterError("USAGE", `${member.id} is a member already`, { next: "choose another id: --as ID" });
  }
  const edited = setVersion(insertMember(text, member), next);
  const after = policyIn(edited, `${member.id} cannot be added`);
  const added = memberOf(after, member.id);
  const others = after.members.filter(({ id }) => id !== member.id);
  // The edit is made on text: what comes out must mean what went in, and this one member more.
  if (
    added?.name !== member.name.trim() ||
    added.devices.map(({ signs, reads }) => `${signs} ${reads}`).join() !== `${member.signs} ${member.reads}` ||
    added.roles.map(holdingText).join() !== member.roles.join() ||
    meaning({ ...after, members: others }) !== meaning(before)
  ) {
    throw layoutError();
  }
  return edited;
}

/**
 * The text with higher key epochs of some domains, and as the next version.
 *
 * @throws {@link CloisterError} USAGE where the text is no valid policy before or after, or its layout is unusual
 */
export function setEpochs(text: string, epochs: ReadonlyMap<string, number>, next: NextVersion): string {
  const before = policyIn(text, "the policy file is not valid");
  const domains = pairOf(rootOf(text), "domains")?.value;
  if (!isMap(domains)) throw layoutError();
  const edits = [...epochs].map(([domain, epoch]): Edit => {
    const entry = pairOf(domains, domain)?.value;
    const range = isMap(entry) ? rangeOf(pairOf(entry, "epoch")?.value) : undefined;
    if (!range) throw layoutError();
    return { from: range[0], to: range[1], text: String(epoch) };
  });
  const edited = setVersion(applied(text, edits), next);
  const after = policyIn(edited, "the key epochs cannot be raised");
  const wanted = before.domains.map((domain) => ({ ...domain, epoch: epochs.get(domain.id) ?? domain.epoch }));
  if (meaning(after) !== meaning({ ...before, domains: wanted })) throw layoutError();
  return edited;
}

/**
 * The text as the next version: `version` and `previous` set.
 *
 * @throws {@link CloisterError} USAGE where the text has no `version` on a line of its own
 */
export function setVersion(text: string, next: NextVersion): string {
  const root = rootOf(text);
  const version = pairOf(root, "version");
  const previous = pairOf(root, "previous");
  const digest = next.previous.startsWith("sha256:") ? next.previous : `sha256:${next.previous}`;
  const versionRange = rangeOf(version?.value);
  if (!versionRange) throw layoutError();
  const previousRange = rangeOf(previous?.value);
  const edits: Edit[] = [{ from: versionRange[0], to: versionRange[1], text: String(next.version) }];
  if (previousRange) edits.push({ from: previousRange[0], to: previousRange[1], text: digest });
  else {
    const lineEnd = endOfLine(text, versionRange[1]);
    edits.push({ from: lineEnd, to: lineEnd, text: `${newline(text)}previous: ${digest}` });
  }
  return applied(text, edits);
}

interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** Edits from the end on, so that earlier offsets stay true. */
function applied(text: string, edits: readonly Edit[]): string {
  const backwards = [...edits].sort((a, b) => b.from - a.from);
  return backwards.reduce((result, edit) => result.slice(0, edit.from) + edit.text + result.slice(edit.to), text);
}

function insertMember(text: string, member: NewMember): string {
  const members = pairOf(rootOf(text), "members")?.value;
  if (!isMap(members)) throw layoutError();
  const first = members.items[0];
  const last = members.items.at(-1);
  const firstKey = rangeOf(first?.key);
  const lastValue = rangeOf(last?.value);
  if (!firstKey || !lastValue) throw layoutError();
  const entry = memberEntry(member);
  if (members.flow) return applied(text, [{ from: lastValue[1], to: lastValue[1], text: `, ${entry}` }]);
  const indent = text.slice(text.lastIndexOf("\n", firstKey[0] - 1) + 1, firstKey[0]);
  if (!/^ +$/.test(indent)) throw layoutError();
  // The range of a block value ends after its line break.
  const content = text.slice(0, lastValue[1]).trimEnd().length;
  const at = endOfLine(text, content);
  return applied(text, [{ from: at, to: at, text: `${newline(text)}${indent}${entry}` }]);
}

function memberEntry({ id, name, roles, signs, reads }: NewMember): string {
  const held = roles.map(quoted).join(", ");
  return `${quoted(id)}: { name: ${quoted(name)}, roles: [${held}], signs: ${quoted(signs)}, reads: ${quoted(reads)} }`;
}

function rootOf(text: string): YAMLMap {
  const { contents } = parseDocument(text, { version: "1.2", schema: "core" });
  if (!isMap(contents) || contents.flow) throw layoutError();
  return contents;
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => isScalar(pair.key) && pair.key.value === key);
}

/** Where a node's own text starts and ends. */
function rangeOf(node: unknown): readonly [number, number] | undefined {
  const range = node !== null && typeof node === "object" && "range" in node ? node.range : undefined;
  return Array.isArray(range) ? [Number(range[0]), Number(range[1])] : undefined;
}

function endOfLine(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  if (feed < 0) return text.length;
  return text[feed - 1] === "\r" ? feed - 1 : feed;
}

function newline(text: string): string {
  return text.includes("\r\n") ? "\r\n" : "\n";
}

/** Everything the policy says apart from its number and the places where it says it. */
function meaning(policy: Policy): string {
  const said = { ...policy, version: 0, previous: "" };
  return JSON.stringify(said, (key, value: unknown) => (key === "line" ? undefined : value));
}

function policyIn(text: string, what: string): Policy {
  // Only warnings depend on the time, and nobody sees them here.
  const { policy, problems } = readPolicy(Buffer.from(text, "utf8"), { now: 0 });
  if (policy) return policy;
  const problem = problems.find(({ severity }) => severity === "error");
  const place = problem ? `line ${String(problem.line)}: ${problem.message}` : "";
  const hint = problem?.hint === undefined ? "" : ` (${problem.hint})`;
  throw new CloisterError("USAGE", what, { why: `${place}${hint}`, next: "cloister policy check" });
}

function layoutError(): CloisterError {
  return new CloisterError("USAGE", "the policy file cannot be edited automatically", {
    why: "its layout is unusual",
    next: "edit cloister.policy.yaml by hand, then: cloister policy propose",
  });
}
