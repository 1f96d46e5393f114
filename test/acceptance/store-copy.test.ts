// Moving a project to another folder: what the others have to do is said, and what happens to whoever does not.
import { join } from "node:path";
import { expect, it } from "vitest";
import { World } from "./harness.ts";

const world = new World();

it("a copied store says how the others turn to it, and that the old one must not go on", async () => {
  const ana = await world.project("ana", "demo");
  const bo = await world.colleague(ana, "bo", "data-scientist");
  const moved = join(world.root, "moved");
  const { out } = await ana.ok("store", "copy", moved, "--switch");
  expect(out).toContain(`the others\tcloister join ${moved}\n`);
  expect(out).toMatch(/the old store\tnobody may go on in it: take away the right to write/);

  await bo.ok("join", moved);
  await bo.ok("audit", "verify");
});

it("a device that went on in the old store is refused by the copy, and by nothing else", async () => {
  const ana = await world.project("eve", "solo");
  const moved = join(world.root, "moved-too");
  await ana.ok("store", "copy", moved);
  ana.files("data", { "rows.csv": "1" });
  await ana.ok("push", "data", "--name", "late", "--class", "internal");
  expect(await ana.fails("join", moved)).toMatchObject({ exit: 6, code: "INTEGRITY" });
  expect((await ana.ok("list")).out).toContain("late");
});
