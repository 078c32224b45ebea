/**
 * The ciphers that are compared.
 *
 * @module
 */

/** A cipher, and the MAC that goes with it. */
export interface CipherChoice {
  readonly cipher: string;
  readonly mac: string | null;
}

/** In the order in which they are shown. */
export const ciphers: readonly CipherChoice[] = [
  { cipher: "chacha20-poly1305@openssh.com", mac: null },
  { cipher: "aes128-gcm@openssh.com", mac: null },
  { cipher: "aes256-gcm@openssh.com", mac: null },
  { cipher: "aes256-ctr", mac: "hmac-sha2-256-etm@openssh.com" },
];

/** Those that differ from each other: where it is about more than the cipher, these will do. */
export const distinctCiphers: readonly CipherChoice[] = ciphers
  .filter(({ cipher }) => cipher !== "aes256-gcm@openssh.com");

/** The key exchange of every connection, but where others are compared: all peers have it. */
export const KEX = "curve25519-sha256";

/** The connection that is used where the cipher is of no matter. */
export const usual: CipherChoice & { readonly kex: string } = {
  kex: KEX,
  cipher: "chacha20-poly1305@openssh.com",
  mac: null,
};
