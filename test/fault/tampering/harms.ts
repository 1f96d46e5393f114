// What can be done to the bytes of any object, whatever it means.
import { randomBytes } from "node:crypto";

/** What was done, and what then lies there; undefined where nothing does. */
export type Harm = readonly [what: string, bytes: Buffer | undefined];

function flipped(bytes: Buffer, at: number, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ bit;
  return copy;
}

/** Bytes that are changed between what is looked at byte by byte. */
const SAMPLES = 30;
/** Bytes on each side of an edge. */
const NEAR = 3;

/**
 * Flips at every edge and sampled elsewhere, cuts at every edge, additions at both ends, removal.
 * @param edges where one part of the object ends and the next begins; both ends of the object are edges, too
 * @param headBytes so many bytes at the start are all changed, one by one
 */
export function harmsOf(bytes: Buffer, edges: readonly number[], headBytes: number): readonly Harm[] {
  const all = [...new Set([0, ...edges, bytes.length])].filter((at) => at <= bytes.length).sort((a, b) => a - b);
  const near = all.flatMap((edge) => Array.from({ length: NEAR * 2 }, (_, i) => edge - NEAR + i));
  const head = Array.from({ length: headBytes }, (_, at) => at);
  const stride = Math.ceil(bytes.length / SAMPLES);
  const sampled = Array.from({ length: Math.floor(bytes.length / stride) }, (_, i) => i * stride + (i % 8));
  const places = [...new Set([...near, ...head, ...sampled])].filter((at) => at >= 0 && at < bytes.length);
  return [
    ...places.map((at): Harm => [`byte ${String(at)} changed`, flipped(bytes, at, at % 2 === 0 ? 1 : 0x80)]),
    ...all.filter((at) => at < bytes.length).map((at): Harm => [`cut to ${String(at)} bytes`, bytes.subarray(0, at)]),
    ["cut by one byte", bytes.subarray(0, -1)],
    ["without its first byte", bytes.subarray(1)],
    ["with bytes before it", Buffer.concat([randomBytes(16), bytes])],
    ["twice", Buffer.concat([bytes, bytes])],
    ["with a byte after it", Buffer.concat([bytes, Buffer.of(0)])],
    ["replaced by noise", randomBytes(bytes.length)],
    ["replaced by zeros", Buffer.alloc(bytes.length)],
    ["gone", undefined],
  ];
}

/** Some of them, where each trial takes long: every fifth change of a byte, and all that is done to the whole object. */
export function fewOf(harms: readonly Harm[]): readonly Harm[] {
  return harms.filter(([what], at) => !what.startsWith("byte") || at % 5 === 0);
}
