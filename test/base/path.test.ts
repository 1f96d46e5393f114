import fc from "fast-check";
import { expect, test } from "vitest";
import { CollisionCheck } from "../../src/base/path.ts";

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
