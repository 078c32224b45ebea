import { afterAll, beforeAll, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, publicKey } from "../../client/mod.ts";
import {
  AgentStore,
  certifiedBy,
  formatPublicKeyLine,
  issueCertificate,
  withCertificate,
} from "../../keys/mod.ts";
import { startOwnAgent } from "../helpers/agents.ts";
import { listeningServer } from "../helpers/listening_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { keyOf, startSshd } from "../helpers/sshd.ts";

const self = Deno.env.get("USER") || "root";
const HOST = "db.example.com";
const kinds = [
  ["ed25519", "sk-ssh-ed25519@openssh.com"],
  ["nistp256", "sk-ecdsa-sha2-nistp256@openssh.com"],
] as const;

let directory = "";
beforeAll(async () => {
  directory = await Deno.makeTempDir({ prefix: "sshflow-sk-hosts-" });
  await Deno.chmod(directory, 0o755);
});
afterAll(() => Deno.remove(directory, { recursive: true }));

describePeer("ssh", "security keys as hosts' keys, and ssh", (ssh) => {
  for (const [kind, type] of kinds) {
    it(`${type}: our server is known by it, with a certificate too; nobody need touch it`, async () => {
      const hostKey = softwareSecurityKey(await keyOf(kind), { flags: 0 });
      const ca = await keyOf("nistp521");
      const certificate = await issueCertificate({
        key: hostKey.publicKey,
        ca,
        role: "host",
        keyId: "host",
        principals: [HOST],
        validBefore: null,
      });
      const cases = [
        [hostKey, `${HOST} ${formatPublicKeyLine(hostKey.publicKey)}\n`],
        [
          withCertificate(hostKey, certificate),
          `@cert-authority ${HOST} ${formatPublicKeyLine(ca.publicKey)}\n`,
        ],
      ] as const;
      for (const [shown, known] of cases) {
        await using server = listeningServer({
          hostKeys: [shown],
          authMethods: ["none"],
          authenticate: () => true,
          session: (session) => session.exit(7),
        });
        const file = `${directory}/known_hosts`;
        await Deno.writeTextFile(file, known);
        const client = new OpenSshClient({ ssh, sshpass: "" }, directory);
        const target = { port: server.port, hostKeys: [], user: "ada" } as const;
        const args = await client.args({ ...target, method: "publickey", keyFile: "none" }, [
          ...["-o", `UserKnownHostsFile=${file}`, "-o", `HostKeyAlias=${HOST}`],
          ...["-o", "BatchMode=yes"],
        ]);
        const { code, stderr } = await new Deno.Command(ssh, {
          args: [...args, "true"],
          stdin: "null",
        }).output();
        assert.equal(code, 7, new TextDecoder().decode(stderr));
      }
    });
  }
});

describePeer("sshd", "security keys as hosts' keys, and sshd", () => {
  for (const [kind, type] of kinds) {
    it(`${type}: is known by it, which an agent of ours has; nobody need touch it`, async () => {
      const userKey = await keyOf("rsa");
      const ca = await keyOf("nistp521");
      for (const [flags, isCertified] of [[1, false], [1, true], [0, false]] as const) {
        const hostKey = softwareSecurityKey(await keyOf(kind), { flags });
        const certificate = await issueCertificate({
          key: hostKey.publicKey,
          ca,
          role: "host",
          keyId: "host",
          principals: [HOST],
          validBefore: null,
        });
        const store = new AgentStore();
        store.add(hostKey);
        await using agent = await startOwnAgent(store);
        const path = `${directory}/${kind}`;
        await Deno.writeTextFile(path, `${formatPublicKeyLine(hostKey.publicKey)}\n`);
        await Deno.writeTextFile(`${path}-cert`, `${formatPublicKeyLine(certificate)}\n`);
        await using sshd = await startSshd({
          hostKeys: [],
          authorizedKeys: [userKey],
          config: [
            `HostKeyAgent ${agent.path}`,
            `HostKey ${path}`,
            ...isCertified ? [`HostCertificate ${path}-cert`] : [],
          ],
        });
        const connecting = connect(await sshd.connect(), {
          user: self,
          auth: [publicKey(userKey)],
          hostname: HOST,
          ...isCertified
            ? { verifyHostKey: certifiedBy([ca.publicKey]) }
            : { authenticator: hostKey.publicKey },
        });
        await using client = await connecting;
        assert.equal(client.info.hostKey.type, isCertified ? certificate.type : type);
      }
    });
  }
});
