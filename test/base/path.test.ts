import fc from "fast-check";
import { expect, test } from "vitest";
import { CollisionCheck, pathProblem } from "../../src/base/path.ts";

const fold = (text: string) => text.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");

/** All that a path makes: its folders, and itself. */
function places(path: string): readonly { readonly place: string; readonly isFile: boolean }[] {
  const parts = path.split("/");
  return parts.map((_, i) => ({ place: parts.slice(0, i + 1).join("/"), isFile: i === parts.length - 1 }));
}

/** By the definition: some place of one is the same as one of the other, and they are not one folder. */
function collide(one: string, other: string): boolean {
  return places(one).some((a) =>
    places(other).some((b) => fold(a.place) === fold(b.place) && (a.place !== b.place || a.isFile || b.isFile)),
  );
}

const part = fc.constantFrom("a", "A", "b", "ß", "ss", "SS", "ﬁ", "fi", "é", "e\u0301", "a.txt", "\u212a", "k");
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));

test("paths collide where a system that folds case or normalises would put one on the other, in any order", () => {
  fc.assert(
    fc.property(fc.array(path, { maxLength: 30 }), (paths) => {
      const check = new CollisionCheck();
      const taken: string[] = [];
      for (const each of paths) {
        const collided = check.add(each);
        expect(collided !== undefined, each).toBe(taken.some((other) => collide(each, other)));
        if (collided === undefined) taken.push(each);
        // What collided is not used any more: the push or the reading of a tree ends there.
        else break;
      }
    }),
    { numRuns: 2000 },
  );
});

/** The rules one by one, for one part of a path of ASCII. */
function isRefused(part: string): boolean {
  if (["", ".", ".."].includes(part) || part.toLowerCase() === ".git") return true;
  if (/^(con|prn|aux|nul|com[0-9]|lpt[0-9])$/i.test(part.split(".")[0] ?? "")) return true;
  return /[. ]$|^[- ]|[<>:"|?*\\]/.test(part);
}

test("a path is refused when one of its parts is, however plain it looks", () => {
  const odd = fc.constantFrom(
    "con",
    "CON.txt",
    "com1",
    "com10",
    "xcon",
    "con-",
    "lpt9.a.b",
    "nul.",
    "a.",
    ".a",
    "..",
    ".git",
  );
  const plain = fc.constantFrom("a", "a.b", "_x", "A-b", "-a", "9", "a b", "a:b", "é".normalize("NFC"), "conx", "git");
  const parts = fc.array(fc.oneof(odd, plain), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(parts, (given) => {
      expect(pathProblem(given.join("/")) !== undefined, given.join("/")).toBe(given.some(isRefused));
    }),
    { numRuns: 3000 },
  );
  for (const path of ["", "/a", "a/", "a//b", "a\n", "a\u202eb", "a/b\n"])
    expect(pathProblem(path), path).toBeDefined();
  expect(pathProblem(`${"a".repeat(255)}/b`)).toBeUndefined();
  expect(pathProblem("a".repeat(256))).toBeDefined();
});
