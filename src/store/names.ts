// What may be the name of an object in a store, whatever lies behind it.
import { integrity } from "../base/errors.ts";

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}$/;
const NAME_BYTES_MAX = 1024;

/** Whether this can be a part of a name between two `/`. */
export function isSegment(text: string): boolean {
  return SEGMENT.test(text);
}

/** Whether the store could have made an object of this name. */
export function isObjectName(name: string): boolean {
  return name.length <= NAME_BYTES_MAX && name.split("/").every(isSegment);
}

/** Names come from our own code: a wrong one is a bug, or hostile data that was not checked. @throws INTEGRITY */
export function checkObjectName(name: string): void {
  if (isObjectName(name)) return;
  throw integrity(`${JSON.stringify(name.slice(0, 100))} cannot be the name of an object in a store`);
}

/** A prefix is empty or a whole name and `/`. @throws TypeError, INTEGRITY */
export function checkPrefix(prefix: string): void {
  if (prefix === "") return;
  if (!prefix.endsWith("/")) throw new TypeError("a prefix ends in / or is empty");
  checkObjectName(prefix.slice(0, -1));
}
