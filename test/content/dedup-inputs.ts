// Pairs of versions as they come up in machine learning, the same in every run, with how many bytes really differ.
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noise } from "./files.ts";

export interface Pair {
  readonly title: string;
  /** Writes the first version into an empty folder. */
  first(folder: string): void;
  /** Makes the second version of it. @returns bytes of content that are new in it */
  second(folder: string): number;
  /** Bytes that finding chunks again may cost beyond those: whole chunks around every place that changed. */
  readonly overheadMax: number;
}

/** Longest chunk that is cut by content, and longest of a tensor. */
const CHUNK_MAX = 128 * 1024;
const LAYERS = 16;

interface Tensor {
  readonly name: string;
  readonly content: Buffer;
}

/** A model of about 23 MB. `seed` says for each tensor which training it comes from. */
function model(seed: (layer: number, part: string) => string): readonly Tensor[] {
  return Array.from({ length: LAYERS }, (_, layer) =>
    Object.entries({ attention: 524_288, mlp: 917_512, norm: 3072 }).map(([part, bytes]) => {
      const name = `model.layers.${String(layer)}.${part}.weight`;
      return { name, content: noise(bytes, `${name} ${seed(layer, part)}`) };
    }),
  ).flat();
}

/** https://huggingface.co/docs/safetensors: length of the header, header (JSON), tensors. */
function safetensors(tensors: readonly Tensor[], metadata: Readonly<Record<string, string>>): Buffer {
  let at = 0;
  const entries = tensors.map(({ name, content }) => {
    const data_offsets = [at, at + content.length];
    at += content.length;
    return [name, { dtype: "BF16", shape: [content.length / 2], data_offsets }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...tensors.map(({ content }) => content)]);
}

function differing(one: readonly Tensor[], other: readonly Tensor[]): number {
  const before = new Map(one.map(({ name, content }) => [name, content]));
  return other.reduce((sum, { name, content }) => sum + (before.get(name)?.equals(content) ? 0 : content.length), 0);
}

function checkpoint(
  title: string,
  change: (tensors: readonly Tensor[]) => readonly Tensor[],
  metadata: Readonly<Record<string, string>>,
): Pair {
  const before = { format: "pt" };
  const write = (folder: string, tensors: readonly Tensor[], said: typeof metadata) =>
    writeFileSync(join(folder, "model.safetensors"), safetensors(tensors, said));
  return {
    title,
    first: (folder) =>
      write(
        folder,
        model(() => "pretrained"),
        before,
      ),
    second: (folder) => {
      const tensors = model(() => "pretrained");
      const changed = change(tensors);
      write(folder, changed, { ...before, ...metadata });
      return differing(tensors, changed);
    },
    // The header, and small tensors that share a chunk with one that changed.
    overheadMax: 8 * 1024 + LAYERS * 32 * 1024,
  };
}

const ROWS = 60_000;

/** Text as people log it: about 300 bytes a row. */
function row(number: number, edit = ""): string {
  const hex = noise(96, `row ${String(number)}`).toString("hex");
  const text = `customer ${hex.slice(0, 60)} wrote about ${hex.slice(60, 120)}${edit}`;
  return `${JSON.stringify({ id: number, text, embedding: hex.slice(120), label: number % 7 })}\n`;
}

/** One row in a thousand, spread as they come. */
function isEdited(number: number): boolean {
  return noise(4, `edit ${String(number)}`).readUInt32BE() % 1000 === 0;
}

const FILES = 4000;

function smallFile(folder: string, number: number): string {
  return join(folder, `part-${String(number % 40).padStart(2, "0")}`, `sample-${String(number).padStart(5, "0")}.json`);
}

/** 1 to 9 KiB each. */
function sample(number: number): Buffer {
  return noise(1024 + ((number * 7919) % 8192), `sample ${String(number)}`);
}

function writeSmallFiles(folder: string): void {
  for (let i = 0; i < FILES; i++) {
    mkdirSync(join(smallFile(folder, i), ".."), { recursive: true });
    writeFileSync(smallFile(folder, i), sample(i));
  }
}

export const PAIRS: readonly Pair[] = [
  checkpoint(
    "a checkpoint with 12 of 16 layers frozen and a longer header",
    () => model((layer) => (layer < 12 ? "pretrained" : "tuned")),
    { training: noise(1500, "arguments").toString("hex") },
  ),
  checkpoint(
    "a checkpoint with every fourth tensor trained",
    () => model((layer, part) => ((layer * 3 + part.length) % 4 === 0 ? "tuned" : "pretrained")),
    {},
  ),
  checkpoint("the same tensors in another order", (tensors) => [...tensors].reverse(), {}),
  {
    title: "JSONL of 60,000 rows, 0.1 % of them edited",
    first: (folder) =>
      writeFileSync(join(folder, "rows.jsonl"), Array.from({ length: ROWS }, (_, i) => row(i)).join("")),
    second: (folder) => {
      const rows = Array.from({ length: ROWS }, (_, i) => row(i, isEdited(i) ? ", and was answered" : ""));
      writeFileSync(join(folder, "rows.jsonl"), rows.join(""));
      return rows.reduce((sum, text, i) => sum + (isEdited(i) ? text.length : 0), 0);
    },
    overheadMax: Array.from({ length: ROWS }, (_, i) => i).filter(isEdited).length * CHUNK_MAX,
  },
  {
    title: "CSV with 1 % of rows appended",
    first: (folder) => writeFileSync(join(folder, "rows.csv"), csv(ROWS)),
    second: (folder) => {
      const [before, after] = [csv(ROWS), csv(ROWS * 1.01)];
      writeFileSync(join(folder, "rows.csv"), after);
      return after.length - before.length;
    },
    overheadMax: 2 * CHUNK_MAX,
  },
  {
    title: "4,000 small files, one added, one changed, one renamed",
    first: writeSmallFiles,
    second: (folder) => {
      const [added, changed] = [noise(5000, "added"), noise(6000, "changed")];
      writeFileSync(`${smallFile(folder, 1234)}-more.json`, added);
      writeFileSync(smallFile(folder, 777), changed);
      renameSync(smallFile(folder, 3210), join(folder, "part-05", "renamed.json"));
      return added.length + changed.length;
    },
    // The renamed one leaves one place and comes to another.
    overheadMax: 4 * 2 * CHUNK_MAX,
  },
  {
    title: "4,000 small files, all of one folder removed",
    first: writeSmallFiles,
    second: (folder) => {
      rmSync(join(folder, "part-17"), { recursive: true });
      return 0;
    },
    overheadMax: 2 * CHUNK_MAX,
  },
];

function csv(rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => {
    const numbers = noise(64, `csv ${String(i)}`);
    return `${String(i)},${Array.from({ length: 16 }, (_, at) => (numbers.readInt32BE(at * 4) / 1000).toFixed(3)).join(",")}`;
  });
  return `${lines.join("\n")}\n`;
}
