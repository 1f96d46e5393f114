// What is measured, and what of it is hoped for.
import { join } from "node:path";
import { writeNoise, writeSmallFiles, writeText } from "./data.mjs";

const KIB = 1024;
const SMALL = 4 * KIB;
const MILLION = 1_000_000;

/** Peak memory of any command, in bytes, but for a million files. */
export const MEMORY_MAX = 260e6;
const MILLION_MEMORY_MAX = 1.5e9;

/** SHA-256 and AES-256-GCM of everything. Files have a digest of their own besides those of their chunks, so the second is the format's. */
export const CEILINGS = [
  { name: "ceiling (SHA-256, GCM)", hashes: 1 },
  { name: "ceiling (SHA-256 twice, GCM)", hashes: 2 },
];

const faster = (than, times) => ({ than, times, words: `>= ${String(times)}x` });
const seconds = (max) => ({ seconds: max, words: `<= ${String(max)} s` });

/**
 * A workload: `make(folder)` writes its source and gives its path; `steps` names what is done with it, in this order, and
 * the targets of each: times as fast as a peer or a part of the ceiling, seconds at most. `inMemory` keeps stores in tmpfs.
 *
 * @param bytes size of the one large file
 * @param files number of small files
 */
export function workloads(bytes, files) {
  const large = (folder) => {
    writeNoise(join(folder, "large.bin"), bytes);
    return join(folder, "large.bin");
  };
  const small = (count, size, name) => (folder) => {
    writeSmallFiles(join(folder, name), count, size);
    return join(folder, name);
  };
  const text = (folder) => {
    writeText(join(folder, "rows.jsonl"), bytes / 4);
    return join(folder, "rows.jsonl");
  };
  return [
    {
      name: "large",
      title: `${words(bytes)} that do not compress, in one file; stores on disk`,
      ...{ bytes, isFile: true, make: large, memoryMax: MEMORY_MAX },
      steps: {
        push: [
          faster("restic", 2.5),
          { ...faster("age", 1 / 1.3), words: "<= 1.3x its time" },
          { ...faster(CEILINGS[0].name, 0.6), words: ">= 60 %" },
        ],
        pull: [faster("restic", 2)],
        again: [seconds(0.3)],
        rehash: [faster("restic", 3)],
      },
    },
    {
      name: "unsynced",
      title: `${words(bytes)} that do not compress, in one file; stores in memory, where fsync costs nothing`,
      ...{ bytes, isFile: true, inMemory: true, make: large, memoryMax: MEMORY_MAX },
      steps: { push: [faster("restic", 3)] },
    },
    {
      name: "text",
      title: `${words(bytes / 4)} of JSON lines, in one file; stores on disk`,
      ...{ bytes: bytes / 4, isFile: true, make: text, memoryMax: MEMORY_MAX },
      steps: { push: [], pull: [] },
    },
    {
      name: "small",
      title: `${files.toLocaleString("en")} files of ${words(SMALL)}; stores on disk`,
      ...{ bytes: files * SMALL, isFile: false, make: small(files, SMALL, "small"), memoryMax: MEMORY_MAX },
      steps: { push: [faster("restic", 2.5)], pull: [faster("restic", 2.5)], again: [seconds(0.3)] },
    },
    {
      name: "million",
      title: `${MILLION.toLocaleString("en")} files of ${words(KIB)}; stores on disk`,
      ...{ bytes: MILLION * KIB, isFile: false, make: small(MILLION, KIB, "million"), memoryMax: MILLION_MEMORY_MAX },
      ...{ onlyWhenAsked: true, turns: 1 },
      steps: { push: [seconds(600)], pull: [] },
    },
  ];
}

/** What a step is called. */
export const STEPS = {
  push: "fresh push",
  pull: "pull",
  again: "push again, nothing changed",
  rehash: "push again, every byte read (times changed)",
};

export function words(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const at = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${String(Number((bytes / 1024 ** at).toFixed(1)))} ${units[at]}`;
}
