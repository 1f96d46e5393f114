// WebAssembly without waiting: workers are synchronous. The types of Node have no part of it.

/** Memory that does not grow keeps its buffer. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

type Imports = Readonly<Record<string, Readonly<Record<string, (...args: number[]) => unknown>>>>;

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports?: Imports) => { readonly exports: object };
};

/** An instance with memory of its own. What it exports is what the caller knows it to be. */
export function instantiate<Exports>(bytes: Uint8Array, imports?: Imports): Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), imports).exports as Exports;
}
