import assert from "node:assert/strict";
import { it } from "@std/testing/bdd";
import { connect, hostbased } from "../../client/mod.ts";
import { formatPublicKeyLine, generateKey } from "../../keys/mod.ts";
import { AuthenticationError } from "../../wire/errors.ts";
import { describePeer } from "../helpers/peers.ts";
import { type Account, addAccount, isRoot, startSshd } from "../helpers/sshd.ts";

const HOSTNAME = "desk.example.com";

/** Lets the host in as the user: its key, and who may come from it without more. */
async function trust(account: Account, line: string): Promise<void> {
  const home = `/home/${account.user}`;
  const { uid, gid } = await Deno.stat(home);
  const write = async (path: string, text: string): Promise<void> => {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    if (uid !== null && gid !== null) await Deno.chown(path, uid, gid);
  };
  await Deno.mkdir(`${home}/.ssh`, { mode: 0o700 });
  if (uid !== null && gid !== null) await Deno.chown(`${home}/.ssh`, uid, gid);
  await write(`${home}/.shosts`, `${HOSTNAME} ada\n`);
  await write(`${home}/.ssh/known_hosts`, `${HOSTNAME} ${line}\n`);
}

describePeer("sshd", "client and sshd: hostbased", () => {
  it(
    isRoot ? "a host vouches for its user" : "a host vouches for its user (needs root)",
    { ignore: !isRoot },
    async () => {
      for (const [type, bits] of [["ed25519"], ["ecdsa", 384], ["rsa", 2048]] as const) {
        const key = await generateKey(type, bits === undefined ? {} : { bits });
        await using account = await addAccount();
        await trust(account, formatPublicKeyLine(key.publicKey));
        await using sshd = await startSshd({
          config: [
            "HostbasedAuthentication yes",
            "HostbasedUsesNameFromPacketOnly yes",
            "IgnoreRhosts no",
            "IgnoreUserKnownHosts no",
            "PubkeyAuthentication no",
          ],
        });
        const login = async (signer: typeof key, user: string) =>
          await connect(await sshd.connect(), {
            user: account.user,
            auth: [hostbased(signer, { hostname: HOSTNAME, user })],
            insecureAcceptAnyHostKey: true,
          });
        await using ssh = await login(key, "ada");
        const { stdout } = await ssh.command("whoami").output();
        assert.equal(new TextDecoder().decode(stdout).trim(), account.user);

        await assert.rejects(login(key, "eve"), AuthenticationError);
        await assert.rejects(login(await generateKey("ed25519"), "ada"), AuthenticationError);
      }
    },
  );
});
