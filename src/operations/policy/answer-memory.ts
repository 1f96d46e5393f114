// Where this device keeps what Cedar answered to `policy explain`.
import { join } from "node:path";
import { ANSWERS_BYTES_MAX, Answers } from "../../policy/answers.ts";
import { readLocal, writeLocal } from "../local-file.ts";

/** @param cache the cache folder, only its owner's */
export async function loadAnswers(cache: string): Promise<Answers> {
  const bytes = await readLocal(fileIn(cache), ANSWERS_BYTES_MAX).catch(() => undefined);
  return Answers.parse(bytes ?? new Uint8Array());
}

/** A cache that cannot be written costs time only. */
export async function saveAnswers(cache: string, answers: Answers): Promise<void> {
  if (answers.grown) await writeLocal(fileIn(cache), answers.bytes()).catch(() => undefined);
}

function fileIn(cache: string): string {
  return join(cache, "policy", "answers.json");
}
