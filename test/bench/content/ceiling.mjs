// What the machine could do at best: SHA-256 and AES-256-GCM over as many bytes, on as many threads, with nothing else to do.
// Usage: node ceiling.mjs BYTES THREADS HASHES      prints seconds; HASHES is how often every byte is hashed
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** Larger pieces spend their time allocating. */
const CHUNK = 64 * 1024;
const SLAB = 4 * 1024 * 1024;
const HASHES = Number(process.argv[4] ?? 1);

/** Chunk after chunk of a slab in memory, as a push does it; a second hash runs over everything, as that of a file does. */
function work(bytes, hashes) {
  const slab = randomBytes(SLAB);
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  const whole = createHash("sha256");
  for (let done = 0; done < bytes; done += CHUNK) {
    const at = done % SLAB;
    const chunk = slab.subarray(at, at + Math.min(CHUNK, bytes - done));
    createHash("sha256").update(chunk).digest();
    if (hashes > 1) whole.update(chunk);
    const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
    cipher.update(chunk);
    cipher.final();
    cipher.getAuthTag();
  }
}

if (isMainThread) {
  const [bytes, threads] = [Number(process.argv[2]), Number(process.argv[3])];
  const share = Math.ceil(bytes / threads);
  const start = () => new Worker(new URL(import.meta.url), { workerData: { bytes: share, hashes: HASHES } });
  const workers = Array.from({ length: threads }, start);
  const next = (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  await Promise.all(workers.map(next));
  const began = performance.now();
  const done = workers.map(next);
  for (const worker of workers) worker.postMessage("go");
  await Promise.all(done);
  console.log((performance.now() - began) / 1000);
} else {
  parentPort.once("message", () => {
    work(workerData.bytes, workerData.hashes);
    parentPort.postMessage("done");
  });
  parentPort.postMessage("ready");
}
