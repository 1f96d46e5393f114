// What the cases about encrypted volumes share.
import { World } from "../../interop/escape/world.ts";
import type { Case, Place } from "../cases.ts";

/** A case in a workspace with an encrypted volume, which is ended whatever happens. */
export function encrypted(
  name: string,
  run: (world: World, cipher: string, place: Place) => Promise<void>,
  diskBytes = 64e6,
): Case {
  return {
    name,
    async run(place) {
      const world = await World.make(place.folder, place.program, {}, diskBytes, "encrypted");
      try {
        await run(world, world.state.cipherFolder ?? "", place);
      } finally {
        await world.end();
      }
    },
  };
}
