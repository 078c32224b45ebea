import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  AgentStore,
  formatPublicKeyLine,
  issueCertificate,
  type PrivateKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { authenticateUsers, type User, type UserOptions } from "../../server/mod.ts";
import { runWithAgent, startOwnAgent } from "../helpers/agents.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { keyOf } from "../helpers/sshd.ts";

/** What a key may say of a signature (W3C Web Authentication section 6.1). */
const SIGNATURES = [
  { what: "untouched", flags: 0 },
  { what: "touched", flags: 1 },
  { what: "verified only", flags: 4 },
  { what: "touched and verified", flags: 5 },
];

/** Which of them let in. */
type Verdicts = readonly [boolean, boolean, boolean, boolean];

const TOUCHED: Verdicts = [false, true, false, true];
const ANY: Verdicts = [true, true, true, true];
const BOTH: Verdicts = [false, false, false, true];
const VERIFIED: Verdicts = [false, false, true, true];

/** What sets a certificate apart from one that says nothing of security keys. */
interface Changes {
  readonly extensions?: readonly string[];
  readonly criticalOptions?: Readonly<Record<string, true>>;
}

const NO_TOUCH: Changes = { extensions: ["no-touch-required"] };
const VERIFY: Changes = { criticalOptions: { "verify-required": true } };

const options: readonly [options: string, verdicts: Verdicts][] = [
  ["", TOUCHED],
  ["no-touch-required", ANY],
  ["verify-required", BOTH],
  ["no-touch-required,verify-required", VERIFIED],
];

/** By an authority that the server trusts. */
const certificates: readonly [title: string, changes: Changes, verdicts: Verdicts][] = [
  ["that says nothing", {}, TOUCHED],
  ["with no-touch-required", NO_TOUCH, ANY],
  ["with verify-required", VERIFY, BOTH],
  ["with both", { ...NO_TOUCH, ...VERIFY }, VERIFIED],
];

/** By an authority among the user's keys: a touch is needed unless both say that it is not. */
const lines: readonly [options: string, title: string, changes: Changes, verdicts: Verdicts][] = [
  ["", "with no-touch-required", NO_TOUCH, TOUCHED],
  ["no-touch-required", "that says nothing", {}, TOUCHED],
  ["no-touch-required", "with no-touch-required", NO_TOUCH, ANY],
  ["verify-required", "that says nothing", {}, BOTH],
  ["", "with verify-required", VERIFY, BOTH],
  ["no-touch-required,verify-required", "with no-touch-required", NO_TOUCH, VERIFIED],
];

describePeer("ssh", "security keys in our agent, ssh, and our server", (ssh) => {
  let directory = "";
  let client: OpenSshClient;
  let ca: PrivateKey;

  beforeAll(async () => {
    directory = await Deno.makeTempDir({ prefix: "sshflow-security-keys-" });
    client = new OpenSshClient({ ssh, sshpass: "" }, directory);
    ca = await keyOf("nistp384");
  });
  afterAll(() => Deno.remove(directory, { recursive: true }));

  /** Whether `ssh` is let in by a key that only the agent has. */
  async function lets(signer: Signer, user: User, policy: UserOptions = {}): Promise<boolean> {
    const store = new AgentStore();
    store.add(signer);
    await using agent = await startOwnAgent(store);
    await using server = listeningServer({
      hostKeys: [ca],
      authenticate: authenticateUsers({ ada: user }, policy),
      session: (session) => session.exit(7),
    });
    const hostKeys = [formatPublicKeyLine(ca.publicKey)];
    const target = { port: server.port, hostKeys, user: "ada", method: "publickey" } as const;
    const own = ["-o", "IdentityAgent=SSH_AUTH_SOCK", "-o", "IdentitiesOnly=no"];
    const args = await client.args({ ...target, keyFile: "none" }, own);
    const { code, stderr } = await runWithAgent(ssh, [...args, "true"], agent);
    if (code === 7) return true;
    assert.match(stderr, /Permission denied \(publickey/);
    return false;
  }

  /** Logs in with each kind of signature. */
  async function check(
    verdicts: Verdicts,
    attempt: (flags: number) => Promise<boolean>,
  ): Promise<void> {
    const seen = await Promise.all(SIGNATURES.map(async ({ what, flags }) => [
      what,
      await attempt(flags),
    ]));
    assert.deepEqual(seen, SIGNATURES.map(({ what }, index) => [what, verdicts[index]]));
  }

  /** A security key that has a certificate. */
  async function certified(signer: Signer, changes: Changes): Promise<Signer> {
    const certificate = await issueCertificate({
      key: signer.publicKey,
      ca,
      role: "user",
      keyId: "test",
      principals: ["ada"],
      validBefore: new Date(Date.now() + 3_600_000),
      ...changes,
    });
    return withCertificate(signer, certificate);
  }

  for (const kind of ["ed25519", "nistp256"] as const) {
    const securityKey = async (flags: number) => softwareSecurityKey(await keyOf(kind), { flags });
    const line = (options: string, { publicKey }: Signer): string =>
      `${options === "" ? "" : `${options} `}${formatPublicKeyLine(publicKey)}\n`;

    for (const [text, verdicts] of options) {
      it(`${kind}: ${text || "no options"}`, async () => {
        await check(verdicts, async (flags) => {
          const signer = await securityKey(flags);
          return await lets(signer, { authorizedKeys: line(text, signer) });
        });
      });
    }

    it(`${kind}: a key without a line of its own has to be touched`, async () => {
      await check(TOUCHED, async (flags) => {
        const signer = await securityKey(flags);
        return await lets(signer, { keys: [signer.publicKey] });
      });
    });

    for (const [title, changes, verdicts] of certificates) {
      it(`${kind}: a certificate ${title}`, async () => {
        await check(verdicts, async (flags) => {
          const signer = await certified(await securityKey(flags), changes);
          return await lets(signer, {}, { trustedUserCas: [ca.publicKey] });
        });
      });
    }

    for (const [text, title, changes, verdicts] of lines) {
      const options = text === "" ? "cert-authority" : `cert-authority,${text}`;
      it(`${kind}: ${options}, and a certificate ${title}`, async () => {
        await check(verdicts, async (flags) => {
          const signer = await certified(await securityKey(flags), changes);
          return await lets(signer, { authorizedKeys: line(options, ca) });
        });
      });
    }
  }
});
