// Files to push: the same at every run, made fast, whatever their size.
import { createCipheriv, createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const BLOCK = 4 * 1024 * 1024;
const SMALL_FILES_PER_FOLDER = 200;

/** An endless stream of bytes that do not compress, by seed: AES-256-CTR over zeros. */
function noise(seed) {
  const key = createHash("sha256").update(seed).digest();
  const cipher = createCipheriv("aes-256-ctr", key, Buffer.alloc(16));
  const zeros = Buffer.alloc(BLOCK);
  return (length) => cipher.update(length === BLOCK ? zeros : zeros.subarray(0, length));
}

/** A file of bytes that do not compress. */
export function writeNoise(path, bytes, seed = path.split("/").at(-1)) {
  const next = noise(seed);
  writePieces(path, bytes, next);
}

/** A file of JSON lines that compress as such things do, no two alike. */
export function writeText(path, bytes) {
  const draw = noise("text");
  const words = Array.from(draw(256 * 9)).map((byte) => String.fromCharCode(97 + (byte % 26)));
  const vocabulary = Array.from({ length: 256 }, (_, i) => words.slice(i * 9, i * 9 + 2 + (i % 8)).join(""));
  let id = 0;
  const row = (random, at) => {
    let text = "";
    for (let i = 0; i < 16; i++) text += `${vocabulary[random[at + i]]} `;
    return `{"id":${String(id++)},"score":0.${String(random.readUInt32LE(at + 16))},"text":"${text}"}\n`;
  };
  writePieces(path, bytes, (length) => {
    const random = draw(BLOCK);
    const rows = [];
    for (let at = 0, made = 0; made < length && at + 20 <= BLOCK; at += 20) {
      const next = row(random, at);
      rows.push(next);
      made += next.length;
    }
    return Buffer.from(rows.join("")).subarray(0, length);
  });
}

function writePieces(path, bytes, next) {
  const file = openSync(path, "w");
  try {
    for (let left = bytes; left > 0; ) {
      const piece = next(Math.min(BLOCK, left));
      writeSync(file, piece);
      left -= piece.length;
    }
  } finally {
    closeSync(file);
  }
}

/** Many small files that do not compress, a few hundred to a folder. */
export function writeSmallFiles(folder, count, bytes) {
  const next = noise("small files");
  let [block, at] = [next(BLOCK), 0];
  for (let i = 0; i < count; i++) {
    const under = join(folder, String(Math.floor(i / SMALL_FILES_PER_FOLDER)).padStart(5, "0"));
    if (i % SMALL_FILES_PER_FOLDER === 0) mkdirSync(under, { recursive: true });
    if (at + bytes > BLOCK) [block, at] = [next(BLOCK), 0];
    writeFileSync(
      join(under, `${String(i % SMALL_FILES_PER_FOLDER).padStart(3, "0")}.bin`),
      block.subarray(at, at + bytes),
    );
    at += bytes;
  }
}
