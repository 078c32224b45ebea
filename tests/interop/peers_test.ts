import { after, before, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type Tally, tally } from "../../tools/_junit.ts";

const HELPER = new URL("../helpers/peers.ts", import.meta.url).href;
const CONFIGURATION = new URL("../../deno.json", import.meta.url).pathname;

const SUITE = `
import { it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { describePeer, itWithPeer } from "${HELPER}";

describePeer("plink", "a suite", (plink) => {
  it("gets the path", () => assert.ok(plink.endsWith("/bin/plink")));
});
itWithPeer(["plink", "puttygen"], "a test", (plink, puttygen) => {
  assert.ok(plink.endsWith("/bin/plink") && puttygen.endsWith("/bin/puttygen"));
});
`;

describe("peers", () => {
  let folder: string;

  before(async () => {
    folder = await Deno.makeTempDir({ prefix: "sshflow-peers-" });
    await Deno.writeTextFile(`${folder}/suite_test.ts`, SUITE);
    await Deno.mkdir(`${folder}/bin`);
    for (const program of ["plink", "puttygen"]) {
      await Deno.writeTextFile(`${folder}/bin/${program}`, "");
    }
  });

  after(() => Deno.remove(folder, { recursive: true }));

  async function run(env: Record<string, string>): Promise<Tally> {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "-A",
        "--quiet",
        "--no-check",
        "--no-lock",
        `--config=${CONFIGURATION}`,
        "--reporter=junit",
        `${folder}/suite_test.ts`,
      ],
      env: { SSHFLOW_REQUIRE_PEERS: "0", ...env },
    }).output();
    return tally(new TextDecoder().decode(stdout));
  }

  it("one that is installed is used", async () => {
    const result = await run({ PATH: `${folder}/bin` });
    assert.deepEqual(result, { passed: 2, failed: 0, skipped: [] });
  });

  it("one that is missing is a skip that names the package", async () => {
    assert.deepEqual(await run({ PATH: `${folder}/nothing` }), {
      passed: 0,
      failed: 0,
      skipped: [
        "a suite (plink is not installed: apt-get install putty-tools)",
        "a test (plink is not installed: apt-get install putty-tools; " +
        "puttygen is not installed: apt-get install putty-tools)",
      ],
    });
  });

  it("one that is missing where all are required is a failure", async () => {
    const result = await run({ PATH: `${folder}/nothing`, SSHFLOW_REQUIRE_PEERS: "1" });
    assert.deepEqual(result, { passed: 0, failed: 2, skipped: [] });
  });
});
