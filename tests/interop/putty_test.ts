import { describePeerClient } from "../helpers/peer_client_suite.ts";
import { REKEY_BYTES } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { PlinkClient } from "../helpers/plink.ts";

const prefers = {
  kex: "sntrup761x25519-sha512@openssh.com",
  hostKey: "ssh-ed25519",
  cipher: "aes256-ctr",
  mac: "hmac-sha2-256",
  compression: "none",
  strictKex: true,
};

describePeer(["plink", "puttygen"], "putty", (plink, puttygen) => {
  describePeerClient("plink and our server", {
    start: ({ directory }) => new PlinkClient({ plink, puttygen }, directory),
    version: /^SSH-2\.0-PuTTY_/,
    prefers,
    agrees: { ...prefers, kex: "curve25519-sha256", mac: "hmac-sha2-256-etm@openssh.com" },
    methods: ["password", "publickey", "keyboard-interactive"],
    signatures: {
      "ssh-ed25519": "ssh-ed25519",
      "ecdsa-sha2-nistp256": "ecdsa-sha2-nistp256",
      "ecdsa-sha2-nistp384": "ecdsa-sha2-nistp384",
      "ecdsa-sha2-nistp521": "ecdsa-sha2-nistp521",
      "rsa-sha2-512": "rsa",
      "rsa-sha2-256": "rsa",
    },
    // What PuTTY 0.78 has of what is supported here; but for diffie-hellman-group18-sha512, which
    // takes it seconds.
    algorithms: {
      kex: [
        "sntrup761x25519-sha512@openssh.com",
        "curve25519-sha256",
        "curve25519-sha256@libssh.org",
        "ecdh-sha2-nistp256",
        "ecdh-sha2-nistp384",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group16-sha512",
        "diffie-hellman-group14-sha256",
      ],
      hostKeys: [
        "ssh-ed25519",
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "rsa-sha2-512",
        "rsa-sha2-256",
      ],
      ciphers: [
        "aes256-ctr",
        "aes192-ctr",
        "aes128-ctr",
        "aes256-gcm@openssh.com",
        "aes128-gcm@openssh.com",
        "chacha20-poly1305@openssh.com",
      ],
      macs: [
        "hmac-sha2-256",
        "hmac-sha2-256-etm@openssh.com",
      ],
      compression: ["none", "zlib@openssh.com"],
    },
    // It exits with 128, whichever it was.
    tellsSignals: false,
    rekeyBytes: REKEY_BYTES,
  });
});
