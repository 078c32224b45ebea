/**
 * The keys that a configuration names: those in files, those of the agent.
 *
 * @module
 */

import { Certificate } from "../../keys/certificate.ts";
import { plainAlgorithm } from "../../keys/certificate_algorithms.ts";
import { describeKey } from "../../keys/fingerprint.ts";
import { parsePrivateKey, publicKeyOfFile } from "../../keys/private_key.ts";
import { parsePublicKeyLine, samePublicKey } from "../../keys/public_key.ts";
import type { PrivateKey, PublicKey, Signer } from "../../keys/types.ts";
import { withCertificate } from "../../keys/with_certificate.ts";
import type { ClientAuthContext } from "../../protocol/auth/client.ts";
import { bindingOf } from "../../protocol/auth/publickey.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { agentClient } from "../agent.ts";
import { type LoginAccess, questionsOf, readFile } from "./login_access.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

/** A key to log in with: one whose public part is not known has to be read first. */
export type Identity = Signer | (() => Promise<Signer>);

/** A file of a private key. */
interface KeyFile {
  readonly path: string;
  /** Null where only the passphrase would tell. */
  readonly publicKey: PublicKey | null;
  /** Reads the secret, once; null where there is none. */
  readonly load: (() => Promise<PrivateKey>) | null;
}

/**
 * The keys in the order of `ssh`: certificates; of the agent's keys those that are also in files,
 * then its others, unless IdentitiesOnly is set; keys that are in files only.
 *
 * @param held The agent's keys.
 */
export async function identitiesOf(
  config: SshConfig,
  access: LoginAccess,
  held: readonly Signer[],
): Promise<readonly Identity[]> {
  const files: KeyFile[] = [];
  for (const path of config.identityFile) {
    const file = await keyFile(path, config, access);
    if (file !== null) files.push(file);
  }
  const isIn = ({ publicKey }: Signer, file: KeyFile): boolean =>
    file.publicKey !== null && samePublicKey(publicKey, file.publicKey);
  const shared = [...new Set(files.flatMap((file) => held.filter((key) => isIn(key, file))))];
  const foreign = config.identitiesOnly ? [] : held.filter((key) => !shared.includes(key));
  const own = files.filter((file) => !held.some((key) => isIn(key, file)));
  const plain = [...shared, ...foreign, ...own.map(signerOf).filter((key) => key !== null)];
  return [...await certified(config, access, [...held, ...plain]), ...plain]
    .map((identity) => accepted(identity, config)).filter((identity) => identity !== null);
}

async function keyFile(
  path: string,
  config: SshConfig,
  access: LoginAccess,
): Promise<KeyFile | null> {
  const tell = (why: string): void => access.onNotice?.(`Cannot use the key ${path}: ${why}`);
  try {
    const text = await readFile(access, path);
    const isPublic = text !== null && !text.includes("PRIVATE KEY") && !text.startsWith("PuTTY-");
    const publicText = isPublic ? text : await readFile(access, `${path}.pub`);
    const publicKey = (text !== null && !isPublic ? publicKeyOfFile(text) : null) ??
      (publicText === null ? null : parsePublicKeyLine(publicText));
    if (text === null && publicKey === null) {
      if (config.given.has("identityFile")) tell("there is no such file");
      return null;
    }
    let loading: Promise<PrivateKey> | null = null;
    const load = text === null || isPublic
      ? null
      : () => loading ??= unlock(path, text, config, access);
    return { path, publicKey, load };
  } catch (error) {
    tell(messageOf(error));
    return null;
  }
}

/** Reads a private key, for which the passphrase is asked for as often as a password is. */
async function unlock(
  path: string,
  text: string,
  config: SshConfig,
  access: LoginAccess,
): Promise<PrivateKey> {
  const ask = questionsOf(config, access);
  for (let attempt = 1;; attempt++) {
    let given: string | null = null;
    const passphrase = async (): Promise<string> => {
      given = await ask.passphrase?.(path, config) ?? null;
      return given ?? "";
    };
    try {
      return await parsePrivateKey(text, { passphrase });
    } catch (error) {
      const isWrong = given !== null && error instanceof KeyFormatError;
      if (!isWrong || attempt >= config.numberOfPasswordPrompts) throw error;
    }
  }
}

/** Null for a file that an agent would have to have the secret of. */
function signerOf({ publicKey, load }: KeyFile): Identity | null {
  if (load === null) return null;
  if (publicKey === null) return load;
  return { publicKey, sign: async (algorithm, data) => (await load()).sign(algorithm, data) };
}

/** The agent's keys for the session, which is told to it; none if it cannot be reached. */
export async function agentKeys(
  { identityAgent: path }: SshConfig,
  { openAgent, onNotice }: LoginAccess,
  context: ClientAuthContext,
): Promise<readonly Signer[]> {
  if (path === null || openAgent === undefined) return [];
  try {
    const agent = agentClient(await openAgent(path));
    const close = (): void => void agent.close().catch(() => {});
    context.over.addEventListener("abort", close, { once: true });
    if (context.over.aborted) close();
    await agent.bind(bindingOf(context));
    return await agent.keys();
  } catch (error) {
    onNotice?.(`Cannot use the agent at ${path}: ${messageOf(error)}`);
    return [];
  }
}

/** The certificates in files whose keys are there to sign. */
async function certified(
  config: SshConfig,
  access: LoginAccess,
  identities: readonly Identity[],
): Promise<readonly Signer[]> {
  const signers = identities.filter((identity) => typeof identity !== "function");
  const found: Signer[] = [];
  const beside = config.identityFile.map((path) => `${path}-cert.pub`);
  for (const path of [...config.certificateFile, ...beside]) {
    try {
      const text = await readFile(access, path);
      if (text === null) continue;
      const certificate = parsePublicKeyLine(text);
      if (!(certificate instanceof Certificate)) continue;
      const signer = signers.find((key) => samePublicKey(key.publicKey, certificate.publicKey));
      if (signer !== undefined) found.push(withCertificate(signer, certificate));
    } catch (error) {
      access.onNotice?.(`Cannot use the certificate ${path}: ${messageOf(error)}`);
    }
  }
  return found;
}

/** Leaves those of the key's algorithms that are wanted; null if none is, or the key is too short. */
function accepted(identity: Identity, config: SshConfig): Identity | null {
  if (typeof identity === "function") {
    return async () => {
      const signer = narrowed(await identity(), config);
      if (signer !== null) return signer;
      throw new KeyFormatError("the configuration accepts no such key");
    };
  }
  return narrowed(identity, config);
}

function narrowed(signer: Signer, config: SshConfig): Signer | null {
  const { pubkeyAcceptedAlgorithms: wanted, requiredRsaSize } = config;
  const key = signer.publicKey;
  const { bits } = describeKey(key);
  const isRsa = key.algorithms.some((name) => plainAlgorithm(name).startsWith("rsa-"));
  if (isRsa && bits < requiredRsaSize) return null;
  if (wanted === undefined) return signer;
  const algorithms = key.algorithms.filter((name) => wanted.includes(name));
  if (algorithms.length === 0) return null;
  const { type, blob, comment } = key;
  const verify: PublicKey["verify"] = (...signed) => key.verify(...signed);
  return {
    publicKey: { type, blob, comment, algorithms, verify },
    sign: (algorithm, data) => signer.sign(algorithm, data),
    ...(signer.bind !== undefined && { bind: signer.bind.bind(signer) }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
