/**
 * Compiles the kernels in `tools/kernels` to WebAssembly, and keeps their bytes in files
 * that can be imported. With `--check` it writes nothing, and fails if a file is not what it would
 * write.
 *
 * @module
 */

import { bytesToHex } from "@noble/hashes/utils.js";
import asc from "assemblyscript/asc";

const SOURCES = new URL("./kernels/", import.meta.url);
const TARGETS = new URL("../crypto/kernel/", import.meta.url);
const NAMES = ["chacha20_poly1305"];
const OPTIONS = [
  "--optimizeLevel=3",
  "--shrinkLevel=0",
  "--enable=simd",
  "--runtime=stub",
  "--noAssert",
  "--initialMemory=5",
];
const LINE = 94;

if (import.meta.main) {
  const check = Deno.args.includes("--check");
  for (const name of NAMES) {
    const target = new URL(`_${name}_generated.ts`, TARGETS);
    const text = moduleOf(name, await compile(name));
    if (!check) {
      await Deno.writeTextFile(target, text);
    } else if (await Deno.readTextFile(target) !== text) {
      console.error(`crypto/kernel/_${name}_generated.ts is not what "deno task kernel" makes`);
      Deno.exit(1);
    }
  }
}

async function compile(name: string): Promise<Uint8Array> {
  let wasm: Uint8Array | null = null;
  const { error, stderr } = await asc.main(
    [`${name}.ts`, "--outFile=kernel.wasm", "--bindings=none", ...OPTIONS],
    {
      readFile: (file: string) => sourceOf(file),
      writeFile: (file: string, contents: Uint8Array | string) => {
        if (file === "kernel.wasm" && typeof contents !== "string") wasm = contents;
      },
      listFiles: () => [],
    },
  );
  if (error !== null || wasm === null) {
    console.error(stderr.toString());
    throw error ?? new Error(`Cannot compile ${name}`);
  }
  return wasm;
}

/** A kernel's file; null where the compiler has files of its own. */
async function sourceOf(file: string): Promise<string | null> {
  try {
    return await Deno.readTextFile(new URL(file, SOURCES));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function moduleOf(name: string, wasm: Uint8Array): string {
  // Not in base64: what repeats would look different each time, and not be compressed.
  const hex = bytesToHex(wasm);
  const lines = hex.match(new RegExp(`.{1,${LINE}}`, "g")) ?? [];
  return [
    "/**",
    ` * Made by \`deno task kernel\` from tools/kernels/${name}.ts: ${wasm.length} bytes of WebAssembly.`,
    " *",
    " * @module",
    " */",
    "",
    "/** The module, in hexadecimal. */",
    `export const wasmHex: string =\n  ${lines.map((line) => `"${line}"`).join(" +\n  ")};`,
    "",
  ].join("\n");
}
