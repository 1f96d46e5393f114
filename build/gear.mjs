// Assembles `dist/gear.wasm`: the search for cuts of docs/store-format.md (Cutting), some four times as fast as the best
// that V8 makes of JavaScript. Every step is written out eight times, because the loop around it costs as much as a step.
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openWabt from "wabt";

/** Lengths in bytes, as the format has them. */
const [MIN, NORMAL, MAX, WINDOW] = [8 * 1024, 64 * 1024, 128 * 1024, 32];
/** The hash has 17 zero bits on top below the normal length, and 14 above it. */
const [BELOW_NORMAL, ABOVE_NORMAL] = [2 ** (32 - 17), 2 ** (32 - 14)];
/** The table has the first page of memory; the bytes to be cut, as many as `src/content/gear.ts` expects, have the others. */
const PAGES = 1 + (4 * 1024 * 1024) / 65536;

const eight = (step) => Array.from({ length: 8 }, (_, k) => step(k)).join("");

/** hash = (hash << 1) + gear[byte[at + k]] */
const roll = (k) => `
  (local.set $hash (i32.add
    (i32.shl (local.get $hash) (i32.const 1))
    (i32.load (i32.shl (i32.load8_u offset=${k} (local.get $at)) (i32.const 2)))))`;

const rollOrCut = (below) => (k) =>
  `${roll(k)}
  (if (i32.lt_u (local.get $hash) (i32.const ${below}))
    (then (return (i32.add (local.get $at) (i32.const ${k + 1})))))`;

const goOn = (bytes) => `(local.set $at (i32.add (local.get $at) (i32.const ${bytes})))`;

/** Searches from $at to $to, eight bytes at a time and then the rest. */
const search = (name, below) => `
  (block $${name}Rest (loop $${name}
    (br_if $${name}Rest (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $to)))
    ${eight(rollOrCut(below))}
    ${goOn(8)}
    (br $${name})))
  (block $${name}Done (loop $${name}One
    (br_if $${name}Done (i32.ge_u (local.get $at) (local.get $to)))
    ${rollOrCut(below)(0)}
    ${goOn(1)}
    (br $${name}One)))`;

const least = (a, b) => `(select ${a} ${b} (i32.lt_u ${a} ${b}))`;
const after = (bytes) => `(i32.add (local.get $from) (i32.const ${bytes}))`;

const text = `(module
  (memory (export "memory") ${PAGES} ${PAGES})
  (data (i32.const 0) "${escaped(createHash("shake256", { outputLength: 1024 }).update("cloister gear v1").digest())}")
  ;; Address after the chunk that starts at $from, where $end is the address after the last byte that is known.
  (func (export "cut") (param $from i32) (param $end i32) (result i32)
    (local $limit i32) (local $to i32) (local $at i32) (local $hash i32)
    (local.set $limit ${least("(local.get $end)", after(MAX))})
    (if (i32.le_u (local.get $limit) ${after(MIN)}) (then (return (local.get $limit))))
    (local.set $at ${after(MIN - WINDOW)})
    ${Array.from({ length: WINDOW / 8 }, () => eight(roll) + goOn(8)).join("")}
    (local.set $to ${least("(local.get $limit)", after(NORMAL))})
    ${search("short", BELOW_NORMAL)}
    (local.set $to (local.get $limit))
    ${search("long", ABOVE_NORMAL)}
    (local.get $limit)))`;

const wabt = await openWabt();
const folder = join(import.meta.dirname, "../dist");
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "gear.wasm"), assembled());

function assembled() {
  const module = wabt.parseWat("gear.wat", text);
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}

function escaped(bytes) {
  return bytes.toString("hex").replaceAll(/../g, "\\$&");
}
