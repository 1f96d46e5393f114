// Where something leaves to: `s3://bucket/key`, `s3+https://server/bucket/key` at a server that is not AWS, `domain:NAME`, `file:/folder`, `share:age1…`, each in one spelling only.
import { NAME } from "../base/name.ts";
import { pathEntry } from "./host-entry.ts";

const LENGTH_MAX = 4096;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Characters that mean themselves in every S3 client; `%` and `\` can stand for others. */
const KEY = /^[A-Za-z0-9!_.'()=@:+,&$ -]+$/;
const RECIPIENT = /^age1[a-z0-9]{1,4000}$/;
/** A bucket elsewhere than at AWS: what names one of AWS must not fit it. */
const ELSEWHERE = /^s3\+https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\//;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

/** How destinations of an action start. */
export function schemesOf(action: string): readonly string[] {
  return action === "share.create" ? ["share:"] : ["s3://", "s3+https://", "s3+http://", "domain:", "file:"];
}

/** Why a destination is none, or is not written in the one way that can be compared; undefined where it is. */
export function destinationProblem(text: string): string | undefined {
  if (text.length > LENGTH_MAX || CONTROL.test(text)) return "it is too long, or has control characters";
  if (text.normalize("NFC") !== text) return "its letters can be written in more than one way (Unicode NFC is meant)";
  if (text.startsWith("s3://")) return s3Problem(text.slice("s3://".length));
  const [server] = ELSEWHERE.exec(text) ?? [];
  if (server !== undefined) return s3Problem(text.slice(server.length));
  if (text.startsWith("domain:")) return NAME.test(text.slice("domain:".length)) ? undefined : "the domain is no name";
  if (text.startsWith("file:")) {
    const path = text.slice("file:".length);
    return path === "/" || pathEntry(path) ? undefined : "the path is not absolute, or has . or .. or // in it";
  }
  if (text.startsWith("share:")) {
    return RECIPIENT.test(text.slice("share:".length)) ? undefined : "the recipient is no age1… key";
  }
  return "it starts with none of s3:// domain: file: share:";
}

function s3Problem(rest: string): string | undefined {
  const [bucket = "", ...parts] = rest.split("/");
  if (!BUCKET.test(bucket)) return "the bucket is no bucket's name";
  const plain = parts.every((part) => KEY.test(part) && part !== "." && part !== "..");
  return plain ? undefined : "the key has . or .. or // or characters in it that stand for others";
}
