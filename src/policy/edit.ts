// Changes the policy file as a person would: a line more, a number changed, comments and layout kept.
import { isMap } from "yaml";
import { CloisterError } from "../base/errors.ts";
import {
  applied,
  type Edit,
  endOfLine,
  layoutError,
  meaning,
  newline,
  pairOf,
  policyIn,
  rangeOf,
  rootOf,
} from "./edit-text.ts";
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
  const edited = setVersion(applied(text, epochEdits(text, epochs)), next);
  const after = policyIn(edited, "the key epochs cannot be raised");
  if (meaning(after) !== meaning(withEpochs(before, epochs))) throw layoutError();
  return edited;
}

/** The policy as it is with higher epochs of some domains. */
export function withEpochs(policy: Policy, epochs: ReadonlyMap<string, number>): Policy {
  const domains = policy.domains.map((domain) => ({ ...domain, epoch: epochs.get(domain.id) ?? domain.epoch }));
  return { ...policy, domains };
}

export function epochEdits(text: string, epochs: ReadonlyMap<string, number>): readonly Edit[] {
  const domains = pairOf(rootOf(text), "domains")?.value;
  if (!isMap(domains)) throw layoutError();
  return [...epochs].map(([domain, epoch]): Edit => {
    const entry = pairOf(domains, domain)?.value;
    const range = isMap(entry) ? rangeOf(pairOf(entry, "epoch")?.value) : undefined;
    if (!range) throw layoutError();
    return { from: range[0], to: range[1], text: String(epoch) };
  });
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
