// Bech32 (BIP 173), as age writes its keys: `age1…` and `AGE-SECRET-KEY-1…`, always 32 bytes.
const CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const KEY_BYTES = 32;
/** 32 bytes are 52 groups of 5 bits, the last with 4 bits of padding. */
const KEY_WORDS = 52;
const CHECKSUM_WORDS = 6;

/** Encodes a 32-byte key in lower case. */
export function encodeBech32(prefix: string, key: Uint8Array): string {
  if (key.length !== KEY_BYTES) throw new TypeError("an age key has 32 bytes");
  const words = toWords(key);
  const sum = polymod([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  for (let i = 0; i < CHECKSUM_WORDS; i++) words.push((sum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${words.map((word) => CHARSET[word]).join("")}`;
}

/** The 32 bytes of a lower-case encoding, or undefined: wrong prefix, length, alphabet, padding or checksum. */
export function decodeBech32(prefix: string, text: string): Buffer | undefined {
  if (text.length !== prefix.length + 1 + KEY_WORDS + CHECKSUM_WORDS || !text.startsWith(`${prefix}1`))
    return undefined;
  const words = [...text.slice(prefix.length + 1)].map((char) => CHARSET.indexOf(char));
  if (words.includes(-1) || polymod([...expand(prefix), ...words]) !== 1) return undefined;
  return fromWords(words.slice(0, KEY_WORDS));
}

function expand(prefix: string): number[] {
  const codes = [...Buffer.from(prefix, "ascii")];
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(words: readonly number[]): number {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    GENERATOR.forEach((term, bit) => {
      if ((top >>> bit) & 1) sum ^= term;
    });
  }
  return sum;
}

function toWords(bytes: Uint8Array): number[] {
  const words: number[] = [];
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    for (; bits >= 5; bits -= 5) words.push((held >>> (bits - 5)) & 31);
  }
  if (bits > 0) words.push((held << (5 - bits)) & 31);
  return words;
}

function fromWords(words: readonly number[]): Buffer | undefined {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const word of words) {
    held = ((held << 5) | word) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >>> bits) & 0xff);
  }
  // Padding must be zero, or two texts would name one key.
  return (held & ((1 << bits) - 1)) === 0 ? Buffer.from(bytes) : undefined;
}
