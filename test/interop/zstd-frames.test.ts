// Frames of compressed chunks: what the codec makes, the Python reader takes; and both refuse the same hostile ones.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compress, decompress } from "../../src/content/codec.ts";
import { sha256Hex } from "./golden-store.ts";
import { lacking, reader } from "./python-reader.ts";

const title = lacking === "" ? "" : ` (skipped: needs ${lacking})`;
const SCRIPT = `
import hashlib, json, sys
from cloister_store.frame import expand
from cloister_store.objects import Fault
answers = []
for frame, length in json.load(sys.stdin):
    try:
        answers.append(hashlib.sha256(expand(bytes.fromhex(frame), length, "it")).hexdigest())
    except Fault:
        answers.append(None)
print(json.dumps(answers))
`;

function readByPython(frames: readonly (readonly [Buffer, number])[]): readonly (string | null)[] {
  const input = JSON.stringify(frames.map(([frame, length]) => [frame.toString("hex"), length]));
  const env = { PATH: process.env["PATH"], PYTHONPATH: join(reader[1], ".."), PYTHONDONTWRITEBYTECODE: "1" };
  const { stdout, stderr } = spawnSync(reader[0], ["-c", SCRIPT], { input, env, encoding: "utf8", maxBuffer: 1e8 });
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout);
}

/** A frame with this content size, in two bytes, and these block headers, each followed by its bytes. */
function frameOf(
  bytes: number,
  blocks: readonly { kind: number; size: number; body: Buffer; last?: boolean }[],
): Buffer {
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x60, 0, 0]);
  head.writeUInt16LE(bytes - 256, 5);
  const parts = blocks.flatMap(({ kind, size, body, last = true }) => {
    const header = Buffer.alloc(3);
    header.writeUIntLE((size << 3) | (kind << 1) | (last ? 1 : 0), 0, 3);
    return [header, body];
  });
  return Buffer.concat([head, ...parts]);
}

test.skipIf(lacking !== "")(`codec and Python reader take the same frames${title}`, () => {
  const texts = [100, 300, 65_536, 131_073, 262_144].map((length) => Buffer.alloc(length, "id,value\n17,4\n"));
  const made = texts.map((text) => [Buffer.from(compress(text) ?? []), text.length] as const);
  const [frame, length] = made[2] as readonly [Buffer, number];
  const run = (size: number, last = true) => ({ kind: 1, size, body: Buffer.from("A"), last });
  const flipped = Buffer.from(frame);
  flipped.writeUInt8(flipped.readUInt8(4) ^ 4, 4);
  const hostile: readonly (readonly [Buffer, number])[] = [
    [Buffer.concat([frame, frame]), length],
    [Buffer.concat([frame, Buffer.alloc(1)]), length],
    [frame.subarray(0, -1), length],
    [frame, length - 1],
    [flipped, length],
    [frameOf(3000, [run(3000, false), run(3000)]), 3000],
    [frameOf(3000, [run(2000)]), 3000],
    [frameOf(3000, [run(3001)]), 3000],
    [frameOf(3000, [{ kind: 3, size: 1, body: Buffer.from("A") }]), 3000],
    [frameOf(3000, [run(3000, false)]), 3000],
    [Buffer.from("28b52ffd20", "hex"), 0],
  ];
  const good: readonly (readonly [Buffer, number])[] = [
    ...made,
    [frameOf(3000, [run(1000, false), run(2000)]), 3000],
    [frameOf(3000, [run(3000, false), { kind: 0, size: 0, body: Buffer.alloc(0) }]), 3000],
  ];
  const cases = [...good, ...hostile];
  const ours = cases.map(([bytes, size]) => {
    const content = decompress(bytes, size);
    return content ? sha256Hex(content) : null;
  });
  expect(ours.slice(good.length)).toEqual(hostile.map(() => null));
  expect(ours.slice(0, good.length)).not.toContain(null);
  expect(readByPython(cases)).toEqual(ours);
});
