// Policies to measure: the example of the tests, and one as large as a policy gets.
import { readFileSync } from "node:fs";

const signsKey = (number) => `p256:${String(number).padStart(44, "A")}`;
const readsKey = (number) => {
  const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  const digits = [letters[number % 32], letters[(number >> 5) % 32], letters[(number >> 10) % 32]].join("");
  return `age1${digits.padStart(58, "q")}`;
};

/** The example's text: Node 20 does not run the TypeScript around it. */
export function policyText() {
  const source = readFileSync(new URL("../policy/example.ts", import.meta.url), "utf8");
  const text = source.slice(source.indexOf("`") + 1, source.lastIndexOf("`"));
  return text
    .replace(/\$\{signsKey\((\d+)\)\}/g, (_, number) => signsKey(number))
    .replace(/\$\{readsKey\((\d+)\)\}/g, (_, number) => readsKey(number))
    .replace(/\$\{"3f"\.repeat\(32\)\}/g, "3f".repeat(32));
}

/** The example with so many members and rules more. */
export function largePolicy(members, rules) {
  const people = Array.from({ length: members }, (_, at) => {
    const keys = `signs: "${signsKey(at + 100)}", reads: "${readsKey(at + 100)}"`;
    return `  m${String(at)}: { name: Member ${String(at)}, roles: [data-scientist@churn], ${keys} }`;
  });
  const needs = [
    "on: [artifact.pull], from: confidential, require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h } }",
    "on: [artifact.export, share.create], from: internal, require: { approvals: { data-owner: 1 } }",
    "on: [artifact.push], kinds: [model], require: { fields: [owner, licence], provenance: run }",
    "on: [artifact.declassify], from: confidential, require: { approvals: { data-owner: 1 } }",
  ];
  const more = Array.from({ length: rules }, (_, at) => `  more-${String(at)}: { ${needs[at % needs.length]} }`);
  return policyText()
    .replace(/^members:\n/m, `members:\n${people.join("\n")}\n`)
    .replace(/^rules:.*\n/m, (line) => `${line}${more.join("\n")}\n`);
}
